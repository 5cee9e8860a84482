"""Refreshing touches only some months and must equal deriving everything again."""

import random

import pandas as pd
import pytest
from deltalake import DeltaTable

from ingestion.errors import HomeIsBusy
from ingestion.lake import Lake
from mining import case_durations, directly_follows_graph, load, variants
from mining.partitions import MOST_FILES
from mining.store import DerivedStore

OPTIONS = {"case": "case_id", "activity": "activity", "time": "occurred_at"}


def random_events(seed, cases=40):
    random_ = random.Random(seed)
    rows = []
    for case in range(cases):
        now = pd.Timestamp("2026-01-01", tz="UTC") + pd.Timedelta(hours=random_.randrange(3000))
        for step in range(random_.randint(1, 7)):
            rows.append((f"c{case}", random_.choice("abcd"), now, f"e{case}-{step}"))
            now += pd.Timedelta(minutes=random_.randrange(1, 40_000))
    frame = pd.DataFrame(rows, columns=["case_id", "activity", "occurred_at", "event_id"])
    frame["site"] = ["DC1" if case < "c2" else "DC2" for case in frame["case_id"]]
    return frame


def answers(log):
    graph = directly_follows_graph(log).to_dict()
    listed = variants(log, top=None).to_dict()
    by_site = directly_follows_graph(log, site="DC2").to_dict()
    period = directly_follows_graph(log, start="2026-02-10", end="2026-04-01").to_dict()
    durations = case_durations(log).sort_values("case_id")["duration_s"].tolist()
    return graph, listed, by_site, period, durations, log.as_of


@pytest.mark.parametrize("seed", range(4))
def test_refreshing_after_every_delivery_equals_one_full_rebuild(seed, settings, deliver):
    frame = random_events(seed)
    random_ = random.Random(seed + 100)
    parcels = [random_.randrange(5) for _ in range(len(frame))]
    for number in range(5):
        parcel = frame[[p == number for p in parcels]]
        repeated = frame[[p < number and random_.random() < 0.2 for p in parcels]]
        if len(parcel):
            deliver(pd.concat([parcel, repeated]), **OPTIONS)
            load(settings.home)
    refreshed = answers(load(settings.home))
    assert refreshed[0]["events"] == len(frame)
    DerivedStore(Lake(settings.home)).forget()
    assert answers(load(settings.home)) == refreshed
    assert answers(load(frame)) == refreshed


def test_only_the_months_that_were_touched_are_rewritten(settings, deliver, log_of):
    january = log_of("a +1 b", "a +1 b", start=pd.Timestamp("2026-01-10", tz="UTC"))
    march = log_of("a +1 b", start=pd.Timestamp("2026-03-10", tz="UTC")).replace("c0", "m0")
    deliver(pd.concat([january, march]), **OPTIONS)
    load(settings.home)
    before = files_by_month(settings.home)
    deliver(log_of("c", start=pd.Timestamp("2026-03-12", tz="UTC")).replace("c0", "m0"), **OPTIONS)
    assert directly_follows_graph(load(settings.home)).events == 7
    after = files_by_month(settings.home)
    assert after["202601"] == before["202601"]
    assert after["202603"] != before["202603"]


def test_an_earlier_late_event_moves_its_case_to_another_month(settings, deliver, log_of):
    deliver(log_of("b +1 c", start=pd.Timestamp("2026-03-10", tz="UTC")), **OPTIONS)
    assert directly_follows_graph(load(settings.home), end="2026-03-01").cases == 0
    deliver(log_of("a", start=pd.Timestamp("2026-01-10", tz="UTC")), **OPTIONS)
    log = load(settings.home)
    found = directly_follows_graph(log, end="2026-03-01")
    assert (found.cases, found.start) == (1, {"a": 1})
    assert directly_follows_graph(log, start="2026-03-01").cases == 0
    assert set(files_by_month(settings.home)) == {"202601"}


def test_new_cases_are_added_to_their_month_and_many_small_files_become_one(
    settings, deliver, log_of
):
    counts, kept = [], []
    for number in range(MOST_FILES + 1):
        frame = log_of("a +1 b", start=pd.Timestamp("2026-03-10", tz="UTC"))
        before = files_by_month(settings.home) if number else {}
        deliver(frame.replace("c0", f"n{number}"), **OPTIONS)
        load(settings.home)
        after = files_by_month(settings.home)["202603"]
        counts.append(len(after))
        kept.append(before.get("202603", set()) <= after)
    assert counts == [*range(1, MOST_FILES + 1), 1]
    assert kept == [True] * MOST_FILES + [False]
    assert directly_follows_graph(load(settings.home)).events == 2 * (MOST_FILES + 1)


def test_replaced_files_do_not_pile_up(settings, deliver, log_of, monkeypatch):
    monkeypatch.setattr("mining.store.KEEP_HOURS", 0)
    monkeypatch.setattr("mining.store.SWEEP_EVERY", 1)
    for hour in range(4):
        start = pd.Timestamp("2026-03-10", tz="UTC") + pd.Timedelta(hours=hour)
        deliver(log_of("a", start=start), **OPTIONS)  # the case goes on: its month is rewritten
        load(settings.home)
    lake = Lake(settings.home)
    for table in ("transitions", "cases"):
        stored = list(lake.path(table).rglob("*.parquet"))
        assert len(stored) == len(DeltaTable(str(lake.path(table))).file_uris()) == 1
    assert directly_follows_graph(load(settings.home)).events == 4


def files_by_month(home):
    months = {}
    for uri in DeltaTable(str(Lake(home).path("transitions"))).file_uris():
        month, name = uri.split("month=")[1].split("/")
        months.setdefault(month, set()).add(name)
    return months


def test_nothing_new_rewrites_nothing(settings, deliver, log_of):
    frame = log_of("a +1 b")
    deliver(frame, **OPTIONS)
    first = load(settings.home)
    version = Lake(settings.home).version("transitions")
    deliver(frame, **OPTIONS)
    again = load(settings.home)
    assert Lake(settings.home).version("transitions") == version
    assert directly_follows_graph(again).to_dict() == directly_follows_graph(first).to_dict()


def test_a_refresh_that_died_half_way_is_done_again(settings, deliver, log_of):
    deliver(log_of("a +1 b"), **OPTIONS)
    load(settings.home)
    lake = Lake(settings.home)
    lake.write(  # what a crash leaves: one derived table written, the derivation not recorded
        "cases",
        DeltaTable(str(lake.path("cases"))).to_pyarrow_table().slice(0, 0),
        mode="overwrite",
    )
    assert directly_follows_graph(load(settings.home)).cases == 1  # readers see the old state
    deliver(log_of("a", "a +1 b"), **OPTIONS)
    assert directly_follows_graph(load(settings.home)).cases == 2


def test_a_busy_home_is_answered_from_memory(settings, deliver, log_of, monkeypatch):
    deliver(log_of("a +1 b"), **OPTIONS)

    def busy(self):
        raise HomeIsBusy(self.home)

    monkeypatch.setattr(Lake, "writing", busy)
    assert directly_follows_graph(load(settings.home)).cases == 1
    assert DerivedStore(Lake(settings.home)).read() is None


def test_one_source_can_be_mined_apart(settings, deliver, log_of):
    deliver(log_of("a +1 b"), source="left", **OPTIONS)
    deliver(log_of("a +1 c"), source="right", **OPTIONS)
    assert directly_follows_graph(load(settings.home)).events == 4
    assert set(directly_follows_graph(load(settings.home, source="left")).end) == {"b"}
    with pytest.raises(Exception, match="no events from source 'middle'"):
        load(settings.home, source="middle")


def test_a_home_as_of_a_moment_equals_the_frame_known_then(settings, deliver):
    frame = random_events(3)
    deliver(frame, **OPTIONS)
    then = frame["occurred_at"].sort_values().iloc[len(frame) // 2]
    known = frame[frame["occurred_at"] <= then]
    found = load(settings.home, as_of=then.to_pydatetime())
    assert directly_follows_graph(found).to_dict() == directly_follows_graph(load(known)).to_dict()
    assert found.as_of == then
