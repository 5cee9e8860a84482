"""Documents of every source, cut and mangled: read, quarantined or one clear sentence; no loss."""

import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st

from ingestion.errors import RetraceError
from ingestion.intake import ingest
from ingestion.lake import Lake
from ingestion.settings import Settings
from ingestion.status import status

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


SOURCES = {
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


@pytest.mark.slow
@pytest.mark.parametrize("source", SOURCES)
@limits(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_mangled_document_loses_nothing(source, data):
    content = bytearray(SOURCES[source])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        how = data.draw(st.sampled_from(["cut", "flip", "drop", "repeat"]))
        size = data.draw(st.integers(1, 30))
        if how == "cut":
            del content[max(at, 1) :]
        elif how == "flip":
            content[at] = data.draw(st.integers(0, 255))
        elif how == "drop":
            del content[at : at + size]
        else:
            content[at:at] = content[at : at + size]
        content = content or bytearray(b"x")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "file").write_bytes(bytes(content))
        home = Settings.load(Path(folder) / "home")
        try:
            counts = ingest(home, [Path(folder) / "file"])
        except RetraceError as error:
            assert "\n" not in str(error)
            return
        assert counts.received == counts.accepted + counts.duplicate + counts.quarantined
        assert status(Lake(home.home)).balanced
