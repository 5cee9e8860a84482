"""However records are repeated, ordered and split: one lake, and one result mined from it."""

import csv
import io
import json
import tempfile
from collections import Counter, defaultdict
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from ingestion.database import engine, writing
from ingestion.inbox import Message, counts, store
from ingestion.intake import ingest
from ingestion.lake import Lake
from ingestion.sealing import seal
from ingestion.settings import Settings
from ingestion.status import status, twins
from mining import directly_follows_graph, kpis, load, variants

COLUMNS = {"case": "case", "activity": "activity", "time": "time"}
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
STEPS = ["Request return", "Receive", "Finish inspection", "Post credit memo", "Close return"]

STATED = st.tuples(
    st.sampled_from(["R1:1", "R1:2", "R2:1", "NA"]),
    st.sampled_from(STEPS),
    st.integers(0, 20).map(lambda hours: (NOON + timedelta(hours=hours)).isoformat()),
    st.sampled_from(["DC1", "DC2"]),
).map(lambda values: dict(zip(["case", "activity", "time", "site"], values, strict=True)))
RECORDS = st.lists(STATED, min_size=1, max_size=14)
FACTS = "event_id, case_id, activity, occurred_at, site, extras"


@st.composite
def deliveries_of(draw, records):
    """Every record at least once, some twice or more, in any order, cut anywhere."""
    again = draw(st.lists(st.sampled_from(records), max_size=8))
    shuffled = draw(st.permutations([*records, *again]))
    cuts = sorted(draw(st.lists(st.integers(0, len(shuffled)), max_size=3)))
    parts = [shuffled[a:b] for a, b in zip([0, *cuts], [*cuts, len(shuffled)], strict=True)]
    return [part for part in parts if part]


def write(path, records, form):
    """The same records as CSV, JSON Lines or Parquet."""
    if form == "csv":
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, list(records[0]))
        writer.writeheader()
        writer.writerows(records)
        path.write_text(buffer.getvalue())
    elif form == "jsonl":
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
    else:
        pq.write_table(pa.Table.from_pylist(records), path)


@contextmanager
def new_home():
    with tempfile.TemporaryDirectory() as folder:
        yield Settings.load(folder)


def deliver(home, parts, draw_form=lambda: "csv", *, at_once=True):
    folder = home.home / "deliveries"
    folder.mkdir()
    for number, part in enumerate(parts):
        write(folder / f"{number}", part, draw_form())
    files = sorted(folder.iterdir())
    for paths in [files] if at_once else [[file] for file in files]:
        ingest(home, paths, **COLUMNS)


def facts(home, columns=FACTS):
    return sorted(Lake(home.home).connect().execute(f"select {columns} from events").fetchall())


def assert_balanced(home, received):
    found = status(Lake(home.home))
    assert found.balanced
    assert found.totals()["received"] == received


def mined(home):
    """Every KPI, the cases with ties, and (where the order is the producer's) map and variants."""
    log = load(home.home)
    graph = directly_follows_graph(log)
    return kpis(log).frame, graph.cases_with_ties, graph.edges, variants(log).to_dict()


@given(st.data(), st.booleans())
@limits(max_examples=5, deadline=None)
def test_records_with_an_id_give_one_lake_and_one_result(data, at_once):
    records = [
        {"event_id": f"e{n}", **record, "source_seq": str(n)}
        for n, record in enumerate(data.draw(RECORDS))
    ]
    parts = data.draw(deliveries_of(records))
    with new_home() as once, new_home() as messy:
        deliver(once, [records])
        forms = st.sampled_from(["csv", "jsonl", "parquet"])
        deliver(messy, parts, lambda: data.draw(forms), at_once=at_once)
        assert facts(messy, f"{FACTS}, source_seq") == facts(once, f"{FACTS}, source_seq")
        assert len(facts(once)) == len(records)
        assert_balanced(messy, sum(map(len, parts)))
        (found, ties, edges, traces), (wanted, *rest) = mined(messy), mined(once)
        assert_frame_equal(found, wanted)
        assert_frame_equal(edges, rest[1])
        assert (ties, traces) == (rest[0], rest[2])


@given(st.data())
@limits(max_examples=5, deadline=None)
def test_messages_give_one_lake_however_often_and_in_whatever_order_they_come(data):
    records = [
        {
            "specversion": "1.0",
            "id": f"e{n}",
            "source": record["site"],
            "type": record["activity"],
            "subject": record["case"],
            "time": record["time"],
            "data": {"site": record["site"]},
        }
        for n, record in enumerate(data.draw(RECORDS))
    ]
    parts = data.draw(deliveries_of(records))
    with new_home() as once, new_home() as messy:
        for home, batches in ((once, [records]), (messy, parts)):
            database = engine(home)
            for batch in batches:
                with writing(database) as connection:
                    store(connection, [to_message(record) for record in batch], now=NOON)
                if home is once or data.draw(st.booleans()):
                    seal(home, database)
            seal(home, database)
            received = sum(count.received for count in counts(database))
            assert received == sum(map(len, batches))
            database.dispose()
        assert facts(messy) == facts(once)
        assert_balanced(messy, len(records))


def to_message(record):
    body = json.dumps(record).encode()
    return Message(record["source"], record["id"], "webhook", body, "application/cloudevents+json")


@given(st.data())
@limits(max_examples=6, deadline=None)
def test_twins_without_an_id_stay_apart_inside_a_delivery_and_are_one_across_deliveries(data):
    parts = data.draw(st.lists(RECORDS, min_size=1, max_size=3))
    wanted = Counter()
    for part in parts:  # as often as the delivery says that has it most often
        wanted |= Counter(tuple(record.values()) for record in part)
    with new_home() as home:
        deliver(home, parts)
        assert_balanced(home, sum(map(len, parts)))
        rows = facts(home, "case_id, activity, occurred_at, site")
        assert Counter(rows) == Counter(
            {
                (case, activity, datetime.fromisoformat(time), site): n
                for (case, activity, time, site), n in wanted.items()
            }
        )
        identities = facts(home, "event_id")
        assert len(set(identities)) == wanted.total()
        alike = [record for record, n in wanted.items() if n > 1]
        counted = [(found.events, found.cases) for found in twins(Lake(home.home))]
        said = (wanted.total() - len(wanted), len({record[0] for record in alike}))
        assert counted == ([said] if alike else [])


@given(st.lists(STATED, min_size=1, max_size=25))
@limits(max_examples=6, deadline=None)
def test_the_cases_whose_order_rests_on_a_tie_are_counted(records):
    moments = defaultdict(list)
    for record in records:
        moments[record["case"]].append(pd.Timestamp(record["time"]))
    tied = sum(len(set(times)) < len(times) for times in moments.values())
    with new_home() as home:
        deliver(home, [records])
        graph = directly_follows_graph(load(home.home))
        assert (graph.cases, graph.events) == (len(moments), len(records))
        assert graph.cases_with_ties == tied
