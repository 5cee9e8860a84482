"""Whatever a file holds: no crash, no loss, and what was written comes back as it was."""

import csv
import io
import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.errors import RetraceError
from ingestion.intake import ingest
from ingestion.lake import Lake
from ingestion.settings import Settings
from ingestion.status import status

COLUMNS = {"case": "case", "activity": "activity", "time": "time"}
CELL = st.text(
    st.characters(codec="utf-8", exclude_characters="\0\r", exclude_categories=["Cs", "Cc"])
    | st.sampled_from('",;\n\t|'),
    min_size=1,
    max_size=8,
).filter(lambda text: text.strip() == text and text)


def loaded(content, name):
    """Ingest one file into a home of its own; answer the lake's rows and the counters."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        home = Settings.load(Path(folder) / "home")
        counts = ingest(home, [path], **COLUMNS)
        assert counts.received == counts.accepted + counts.duplicate + counts.quarantined
        assert status(Lake(home.home)).balanced
        con = Lake(home.home).connect()
        rows = con.execute("select case_id, activity from events order by source_seq").fetchall()
        return counts, rows


@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=12), st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=25, deadline=None)
def test_a_csv_comes_back_as_the_csv_module_wrote_it(rows, newline):
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator=newline)
    writer.writerow(["case", "activity", "time"])
    writer.writerows((case, activity, "2024-01-01") for case, activity in rows)
    counts, found = loaded(buffer.getvalue().encode(), "log.csv")
    assert found == rows
    assert counts.received == len(rows)


@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=12))
@settings(max_examples=25, deadline=None)
def test_json_lines_come_back_as_they_were(rows):
    lines = [json.dumps({"case": c, "activity": a, "time": "2024-01-01"}) for c, a in rows]
    counts, found = loaded("\n".join(lines).encode(), "log.jsonl")
    assert found == rows and counts.received == len(rows)


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"case,activity,time\n", b"{}\n", b"<log>", b"\x1f\x8b", b"PAR1"]),
)
@settings(max_examples=40, deadline=None)
def test_any_bytes_end_in_an_error_or_in_balanced_counters(tail, head):
    try:
        loaded(head + tail, "log.csv")
    except RetraceError as error:
        assert str(error)
