"""Documents of every source, cut and mangled: read, quarantined or one clear sentence; no loss."""

import importlib.util
import io
import sqlite3
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st

from ingestion.errors import RetraceError
from ingestion.intake import ingest
from ingestion.lake import Lake
from ingestion.settings import Settings
from ingestion.status import status

CSV = b'case_id,activity,occurred_at,note\n1,a,2026-07-01T08:00:00Z,"x, ""y"""\n'
LINES = b'{"case_id":"1","activity":"a","occurred_at":"2026-07-01T08:00:00Z","of":{"x":[1,2]}}\n'
XES = b"""<log xes.version="1.0"><trace><string key="concept:name" value="1"/><event>
<string key="concept:name" value="a"/><date key="time:timestamp" value="2026-07-01T08:00:00Z"/>
</event></trace></log>"""
EPCIS = b"""<EPCISDocument schemaVersion="2.0"><EPCISBody><EventList><ObjectEvent>
<eventTime>2026-07-01T08:00:00Z</eventTime><eventTimeZoneOffset>+00:00</eventTimeZoneOffset>
<epcList><epc>urn:epc:id:sgtin:1.2.3</epc></epcList><action>OBSERVE</action>
</ObjectEvent></EventList></EPCISBody></EPCISDocument>"""
JSON_LD = b"""{"@context":["https://ref.gs1.org/standards/epcis/epcis-context.jsonld"],
"type":"EPCISDocument","schemaVersion":"2.0","creationDate":"2026-07-01T08:00:00Z",
"epcisBody":{"eventList":[{"type":"ObjectEvent","eventTime":"2026-07-01T08:00:00Z",
"eventTimeZoneOffset":"+00:00","action":"ADD","epcList":["urn:x:1"]}]}}"""
OCEL = b"""{"objectTypes":[],"eventTypes":[],"objects":[{"id":"o","type":"line"}],
"events":[{"id":"e","type":"Receive","time":"2026-07-01T08:00:00Z",
"relationships":[{"objectId":"o","qualifier":"q"}]}]}"""
OCEL_XML = b"""<log><object-types/><event-types/><objects><object id="o" type="line"/></objects>
<events><event id="e" type="Receive" time="2026-07-01T08:00:00Z"><objects>
<relationship object-id="o" qualifier="q"/></objects></event></events></log>"""
X12 = b"""ISA*00*          *00*          *ZZ*A              *ZZ*B              *260702*1345*U*00501\
*000000007*0*P*>~GS*RE*A*B*20260702*1345*7*X*005010~ST*944*0001~W17*F*20260702*W8~W07*3*EA~
SE*4*0001~GE*1*7~IEA*1*000000007~"""
MAIL = b"""From: a@example.com\nDate: Fri, 03 Jul 2026 15:30:00 -0500\nSubject: Insp R260000111
Message-ID: <1@example.com>\n\nRMA;Line;Item;Qty\nR260000111;1;SPA-00001;2\n"""


def database():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.sqlite"
        con = sqlite3.connect(path)
        con.executescript(
            """create table event(ocel_id, ocel_type); create table object(ocel_id, ocel_type);
            create table event_object(ocel_event_id, ocel_object_id, ocel_qualifier);
            create table event_map_type(ocel_type, ocel_type_map);
            create table object_map_type(ocel_type, ocel_type_map);
            create table event_R(ocel_id, ocel_time);
            insert into event values ('e', 'Receive');
            insert into event_map_type values ('Receive', 'R');
            insert into event_R values ('e', '2026-07-01 08:00:00');"""
        )
        con.close()
        return path.read_bytes()


def parquet():
    buffer = io.BytesIO()
    row = {"case_id": "1", "activity": "a", "occurred_at": "2026-07-01T08:00:00Z"}
    pq.write_table(pa.Table.from_pylist([row]), buffer)
    return buffer.getvalue()


def sap():
    """A sales document and its return delivery in a zip archive: one event."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "VBAK.csv",
            "VBELN,AUART,ERDAT,ERZET,ERNAM,KUNNR,WAERK\n"
            "0060000001,RE2,20260701,081500,CLERK,C7,USD\n",
        )
        archive.writestr(
            "VBAP.csv",
            "VBELN,POSNR,MATNR,WERKS,KWMENG,VRKME,NETWR\n0060000001,000010,M-1,DC1,3,EA,30.00\n",
        )
    return buffer.getvalue()


SOURCES = {
    "csv": CSV,
    "json lines": LINES,
    "xes": XES,
    "parquet": parquet(),
    "sap": sap(),
    "epcis xml": EPCIS,
    "epcis json": JSON_LD,
    "ocel json": OCEL,
    "ocel xml": OCEL_XML,
    "ocel sqlite": database(),
    "x12": X12,
    "mail": MAIL,
}


@pytest.mark.parametrize("source", SOURCES)
def test_the_unmangled_document_is_accepted(settings, tmp_path, source):
    (tmp_path / "file").write_bytes(SOURCES[source])
    counts = ingest(settings, [tmp_path / "file"])
    assert (counts.received, counts.accepted) == (1, 1)


@st.composite
def mangled(draw, content):
    """A document with one to four wounds."""
    content = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(content) - 1, 0)))
        how = draw(st.sampled_from(["cut", "flip", "drop", "repeat"]))
        size = draw(st.integers(1, 30))
        if how == "cut":
            del content[max(at, 1) :]
        elif how == "flip":
            content[at : at + 1] = bytes([draw(st.integers(0, 255))])
        elif how == "drop":
            del content[at : at + size]
        else:
            content[at:at] = content[at : at + size]
    return bytes(content) or b"x"


def take_in(documents):
    """Load the documents as one folder; every one must be a delivery whose records are counted."""
    with tempfile.TemporaryDirectory() as folder:
        arrived = Path(folder) / "in"
        arrived.mkdir()
        for number, content in enumerate(documents):
            (arrived / f"{number:03d}").write_bytes(content)
        home = Settings.load(Path(folder) / "home")
        counts = ingest(home, [arrived])
        assert counts.deliveries == len(documents)
        assert counts.received == counts.accepted + counts.duplicate + counts.quarantined
        assert status(Lake(home.home)).balanced
        con = Lake(home.home).connect()
        whole = "select raw from quarantine where reason = 'unreadable_file'"
        kept = {bytes(raw) for (raw,) in con.execute(whole).fetchall()}
        assert kept <= set(documents)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("examples", [6, pytest.param(40, marks=pytest.mark.slow)], ids=["6", "40"])
def test_mangled_documents_lose_nothing(source, examples):
    taken = []

    @limits(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(mangled(SOURCES[source]), min_size=12, max_size=12, unique=True))
    def holds(documents):
        take_in(documents)
        taken.append(documents)

    holds()
    assert len(taken) >= examples


@pytest.mark.parametrize("source", SOURCES)
def test_a_mangled_document_named_alone_is_one_sentence(settings, tmp_path, source):
    """Half of it: read as far as it makes sense, or refused in one sentence."""
    content = SOURCES[source]
    (tmp_path / "file").write_bytes(content[: len(content) // 2])
    try:
        counts = ingest(settings, [tmp_path / "file"])
    except RetraceError as error:
        assert str(error) and "\n" not in str(error)
        return
    assert counts.received == counts.accepted + counts.duplicate + counts.quarantined


FUZZ = """
import sys, tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["ingestion"]):
    from ingestion.readers import read_raw
    from ingestion.staging import staged
import duckdb
from ingestion.errors import RetraceError

folder = Path(tempfile.mkdtemp(dir=sys.argv[1]))
con = duckdb.connect()


def read(content):
    (folder / "file").write_bytes(content)
    try:
        with staged(folder / "file", folder) as delivery:
            raw = read_raw(con, delivery)
            rows = con.execute("select * from raw").fetchall()
            refused = raw.refused()
    except (RetraceError, duckdb.Error):  # the door names both
        return
    assert all(len(row) == len(raw.columns) for row in rows)
    assert all(record.reason and record.pointer for record in [*refused, *delivery.refused])


atheris.Setup(sys.argv[:1] + sys.argv[2:], read)
atheris.Fuzz()
"""


@pytest.mark.slow
@pytest.mark.parametrize("source", SOURCES)
def test_a_fuzzer_that_follows_the_branches_finds_no_crash(tmp_path, source):
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris is not installed (pip install 'atheris>=3', or the extra fuzz)")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "seed").write_bytes(SOURCES[source])
    options = ["-max_total_time=20", "-max_len=60000", "-verbosity=0", "-rss_limit_mb=3000"]
    done = subprocess.run(
        [sys.executable, "-c", FUZZ, str(tmp_path), *options, str(corpus)],
        capture_output=True,
        cwd=tmp_path,
        text=True,
        errors="replace",
        timeout=300,
        check=False,
    )
    crash = [path.read_bytes() for path in tmp_path.glob("crash-*")]
    assert done.returncode == 0, f"{crash}\n{done.stderr[-3000:]}"
