"""Hostile files: too wide, too deep, too good to be true; each refused, and the next one loads."""

import gzip
import io
import json
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion import staging
from ingestion.database import engine, writing
from ingestion.errors import UnreadableFile
from ingestion.inbox import Message, has_waiting, store
from ingestion.intake import ingest, utc_now
from ingestion.lake import Lake
from ingestion.limits import MAX_COLUMNS, MAX_NESTING, nesting
from ingestion.readers import parquet
from ingestion.sealing import seal
from ingestion.status import quarantined, status

COLUMNS = {"case": "case", "activity": "activity", "time": "time"}
RECORD = {"case": "1", "activity": "a", "time": "2024-01-01"}


def wide(count):
    return {f"c{n}": "x" for n in range(count - 3)} | RECORD


def deep(levels):
    return f'{{"case":"1","activity":"a","time":"2024-01-01","x":{"[" * levels}{"]" * levels}}}'


def as_csv(record):
    return (",".join(record) + "\n" + ",".join(record.values()) + "\n").encode()


def as_parquet(record):
    file = io.BytesIO()
    pq.write_table(pa.table({name: [value] for name, value in record.items()}), file)
    return file.getvalue()


def as_jsonl(record):
    return json.dumps(record).encode() + b"\n"


def as_xes(record):
    values = "".join(f'<string key="{k}" value="{v}"/>' for k, v in record.items())
    return f"<log><trace><event>{values}</event></trace></log>".encode()


def load(settings, folder, content, name="log"):
    path = folder / name
    path.write_bytes(content)
    return ingest(settings, [path], **COLUMNS)


@pytest.mark.parametrize("render", [as_csv, as_jsonl, as_parquet, as_xes])
def test_as_many_columns_as_allowed_and_no_more(settings, tmp_path, render):
    assert load(settings, tmp_path, render(wide(MAX_COLUMNS))).accepted == 1
    with pytest.raises(UnreadableFile, match=r"1,?001|more than 1000"):
        load(settings, tmp_path, render(wide(MAX_COLUMNS + 1)))


@pytest.mark.parametrize("levels", [MAX_NESTING, 900, 5_000, 500_000])
def test_a_json_line_nested_too_deep_is_refused_alone(settings, tmp_path, levels):
    lines = [deep(1), deep(MAX_NESTING - 1), deep(levels), json.dumps(RECORD | {"more": "[[[["})]
    counts = load(settings, tmp_path, "\n".join(lines).encode())
    assert (counts.received, counts.accepted, counts.quarantined) == (4, 3, 1)
    [record] = quarantined(Lake(settings.home))
    assert (record.reason, record.pointer) == ("too_deep", "record 3")
    assert load(settings, tmp_path, as_csv(RECORD | {"n": "2"}), "next").accepted == 1


@pytest.mark.parametrize("levels", [MAX_NESTING, 300, 900, 100_000])
def test_a_message_nested_too_deep_does_not_stop_the_inbox(settings, levels):
    database = engine(settings)
    event = '{"specversion":"1.0","id":"%s","source":"s","type":"a","subject":"1",'
    event += '"time":"2024-01-01T00:00:00Z","data":%s}'
    bad = Message("s", "bad", "http", (event % ("bad", "[" * levels + "]" * levels)).encode())
    good = Message("s", "good", "http", (event % ("good", "{}")).encode())
    with writing(database) as connection:
        store(connection, [bad, good], now=utc_now())
    counts = seal(settings, database)
    assert (counts.received, counts.accepted, counts.quarantined) == (2, 1, 1)
    assert not has_waiting(database)
    database.dispose()


def test_a_long_first_line_is_still_the_first_of_many(settings, tmp_path):
    lines = [json.dumps(RECORD | {"note": "x" * 200_000}), json.dumps(RECORD | {"case": "2"})]
    counts = load(settings, tmp_path, "\n".join(lines).encode())
    assert (counts.received, counts.accepted) == (2, 2)


def test_xml_nested_too_deep_is_refused(settings, tmp_path):
    nested = '<string key="k" value="v">' * 400 + "</string>" * 400
    with pytest.raises(UnreadableFile, match=r"damaged|deep"):
        load(settings, tmp_path, f"<log><trace><event>{nested}</event></trace></log>".encode())


@pytest.mark.parametrize(
    ("kind", "root"), [("XES", "log"), ("EPCIS", "EPCISDocument"), ("OCEL", "log")]
)
def test_a_doctype_is_refused_in_every_xml(settings, tmp_path, kind, root):
    inside = "<trace/>" if kind == "XES" else "<object-types/><objects/><events/>"
    bomb = f'<!DOCTYPE {root} [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><{root}>{inside}</{root}>'
    with pytest.raises(UnreadableFile, match="DOCTYPE"):
        load(settings, tmp_path, bomb.encode())


def test_a_parquet_file_too_good_to_be_true_is_refused(settings, tmp_path, monkeypatch):
    rows = 3_000_000
    table = pa.table({name: pa.array([value]).take([0] * rows) for name, value in RECORD.items()})
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd")
    assert len(file.getvalue()) * 100 < rows
    monkeypatch.setattr(parquet, "CELLS", 1_000_000)
    with pytest.raises(UnreadableFile, match="3,000,000 rows"):
        load(settings, tmp_path, file.getvalue())


def test_a_zip_of_tables_that_explodes_is_refused(settings, tmp_path):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("EKKO.csv", "EKPO.csv"):
            archive.writestr(name, b"A,B\n" + b"0" * 20_000_000)
    with pytest.raises(UnreadableFile, match="far more than an extract"):
        load(settings, tmp_path, file.getvalue())


def test_a_damaged_zip_of_tables_is_one_clear_sentence(settings, tmp_path):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("EKKO.csv", "EKPO.csv"):
            archive.writestr(name, "A,B\n1,2\n" * 50)
    content = bytearray(file.getvalue())
    content[38:44] = b"\xff" * 6  # inside the first member's packed data
    with pytest.raises(UnreadableFile, match="damaged or locked"):
        load(settings, tmp_path, bytes(content))


def test_a_gzip_may_unpack_to_so_much_and_no_more(settings, tmp_path, monkeypatch):
    content = as_csv(RECORD) + b"1,b,2024-01-02\n" * 60_000
    packed = gzip.compress(content)
    assert load(settings, tmp_path, packed, "fits.gz").received == 60_001
    monkeypatch.setattr(staging, "MAX_EXPANDED", len(content) - 1)
    with pytest.raises(UnreadableFile, match="unpacks to more than"):
        load(settings, tmp_path, packed, "over.gz")
    assert status(Lake(settings.home)).balanced


JSON = st.recursive(
    st.none() | st.text(alphabet='[]{}"\\a', max_size=6) | st.integers(),
    lambda below: (
        st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=3), below, max_size=3)
    ),
    max_leaves=20,
)


def depth(value):
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@given(JSON)
def test_nesting_is_what_a_parser_finds(value):
    assert nesting(json.dumps(value)) == depth(value)
