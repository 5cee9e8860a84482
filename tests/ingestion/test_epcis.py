"""EPCIS in JSON-LD and XML: what is accepted, what is refused and why, what an event becomes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.errors import UnreadableFile
from ingestion.intake import ingest
from ingestion.lake import Lake
from ingestion.readers.epcis_rules import BrokenRule, check_event
from ingestion.status import quarantined

CONTEXT = ["https://ref.gs1.org/standards/epcis/epcis-context.jsonld", {"acme": "urn:acme:"}]
UNIT = "urn:epc:id:sgtin:9521141.001234.7"


def event(**changes):
    said = {
        "type": "ObjectEvent",
        "eventTime": "2026-03-02T08:15:00.5+01:00",
        "eventTimeZoneOffset": "+01:00",
        "eventID": "urn:uuid:00000000-0000-4000-8000-000000000001",
        "epcList": [UNIT],
        "action": "OBSERVE",
        "bizStep": "receiving",
        "disposition": "returned",
        "bizTransactionList": [
            {"type": "rma", "bizTransaction": "urn:epcglobal:cbv:bt:9521141000006:RMA7%3A2"},
            {"type": "po", "bizTransaction": "urn:epcglobal:cbv:bt:9521141000006:PO1"},
        ],
        "bizLocation": {"id": "urn:epc:id:sgln:9521141.00001.0"},
    } | changes
    return {name: value for name, value in said.items() if value is not None}


def document(*events):
    return {
        "@context": CONTEXT,
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-03-02T09:00:00Z",
        "epcisBody": {"eventList": list(events)},
    }


def take(settings, folder, content, name="in.json", **how):
    text = content if isinstance(content, str) else json.dumps(content, **how)
    (folder / name).write_text(text)
    return ingest(settings, [folder / name])


def rows(settings, query):
    return Lake(settings.home).connect().execute(query).fetchall()


def reasons(settings):
    return {record.pointer: record.reason for record in quarantined(Lake(settings.home))}


@pytest.mark.parametrize("indent", [None, 2])
def test_an_event_becomes_a_step_of_its_return_line(settings, tmp_path, indent):
    counts = take(settings, tmp_path, document(event()), indent=indent)
    assert (counts.received, counts.accepted, counts.unmapped_activities) == (1, 1, 0)
    [row] = rows(
        settings,
        "select case_id, activity, occurred_at::varchar, site, quantity::int, sku, source "
        "from events",
    )
    assert row == (
        "RMA7:2",
        "Receive",
        "2026-03-02 07:15:00.5+00",
        "urn:epc:id:sgln:9521141.00001.0",
        1,
        "urn:epc:idpat:sgtin:9521141.001234.*",
        "epcis",
    )
    assert rows(settings, "select object_type, object_id from event_objects order by all") == [
        ("line", "RMA7:2"),
        ("order", "urn:epcglobal:cbv:bt:9521141000006:PO1"),
        ("rma", "RMA7"),
        ("unit", UNIT),
    ]


@pytest.mark.parametrize(
    ("changes", "case"),
    [
        ({"bizTransactionList": None}, UNIT),
        ({"bizTransactionList": None, "epcList": None, "sensorElementList": [{}]}, "urn:uuid:"),
    ],
)
def test_without_an_rma_the_case_is_the_unit_then_the_event(settings, tmp_path, changes, case):
    take(settings, tmp_path, document(event(**changes)))
    [[found]] = rows(settings, "select case_id from events")
    assert found.startswith(case)


def test_an_error_declaration_takes_its_event_back(settings, tmp_path):
    error = {"declarationTime": "2026-03-03T10:00:00Z", "reason": "did_not_occur"}
    take(settings, tmp_path, document(event(), event(errorDeclaration=error)))
    steps = rows(
        settings, "select activity, reversal_of, note, case_id from events order by occurred_at"
    )
    taken_back = event()["eventID"]
    assert steps == [
        ("Receive", None, None, "RMA7:2"),
        ("Reverse posting", taken_back, "did_not_occur", "RMA7:2"),
    ]


def test_an_event_without_an_id_is_taken_back_by_its_content(settings, tmp_path):
    error = {"declarationTime": "2026-03-03T10:00:00Z", "reason": "incorrect_data"}
    take(
        settings,
        tmp_path,
        document(event(eventID=None), event(eventID=None, errorDeclaration=error)),
    )
    [[same]] = rows(
        settings,
        "select count(*) from events a join events b on a.reversal_of = b.document_id "
        "and b.reversal_of is null",
    )
    assert same == 1


def test_the_physical_fate_and_the_condition_are_two_things(settings, tmp_path):
    put_away = event(bizStep="stocking", disposition="sellable_accessible")
    broken = event(bizStep="inspecting", disposition="damaged", eventID="urn:uuid:2")
    take(settings, tmp_path, document(put_away, broken))
    assert rows(settings, "select activity, condition, disposition from events order by 1") == [
        ("Execute disposition", "NEW_SEALED", "RESTOCK"),
        ("Finish inspection", "BROKEN", None),
    ]


def test_work_under_way_is_not_work_done(settings, tmp_path):
    begun = event(bizStep="inspecting", disposition="in_progress")
    take(settings, tmp_path, document(begun, event(bizStep="inspecting", eventID="urn:uuid:9")))
    found = {activity for [activity] in rows(settings, "select activity from events")}
    assert found == {"Start inspection", "Finish inspection"}


def test_the_same_event_again_is_a_duplicate(settings, tmp_path):
    take(settings, tmp_path, document(event()))
    again = take(settings, tmp_path, document(event(), event(eventID="urn:uuid:3")), "again.json")
    assert (again.received, again.accepted, again.duplicate) == (2, 1, 1)


def test_a_bad_event_is_quarantined_alone(settings, tmp_path):
    counts = take(settings, tmp_path, document(event(), event(action="CREATE")), indent=1)
    assert (counts.received, counts.accepted, counts.quarantined) == (2, 1, 1)
    assert reasons(settings) == {"event 2": "unknown_action"}


def test_fields_of_a_partner_become_columns_for_its_mapping(settings, tmp_path):
    mapping = tmp_path / "acme.yaml"
    mapping.write_text(
        "extends: epcis\ncolumns: {case_id: case_id, activity: 'acme:step', "
        "occurred_at: occurred_at, serial: serial_no, note: 'acme:note'}\nextras: {ok: 'acme:ok'}"
    )
    said = event(**{"acme:step": "Receive", "acme:note": "torn", "acme:ok": True})
    (tmp_path / "in.json").write_text(json.dumps(document(said)))
    ingest(settings, [tmp_path / "in.json"], mapping=str(mapping))
    query = "select activity, serial, note, extras->>'ok', extras like '%torn%' from events"
    assert rows(settings, query) == [("Receive", "7", "torn", "true", False)]


def test_in_json_lines_every_event_stands_for_itself(settings, tmp_path):
    lines = [
        {"@context": CONTEXT} | event(),
        {"@context": CONTEXT} | event(eventTime="yesterday"),
        event(eventID="urn:uuid:4"),
    ]
    text = "\n".join(json.dumps(line) for line in lines) + "\n{broken\n"
    counts = take(settings, tmp_path, text)
    assert (counts.received, counts.accepted, counts.quarantined) == (4, 1, 3)
    assert reasons(settings) == {
        "line 2 event 1": "unreadable_event_time",
        "line 3 document": "missing_context",
        "line 4": "invalid_json",
    }


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"action": None}, "missing_action"),
        ({"action": ["ADD"]}, "unknown_action"),
        ({"eventTime": "2026-02-30T08:00:00Z"}, "unreadable_event_time"),
        ({"eventTime": "2026-02-03T08:00:00"}, "unreadable_event_time"),
        ({"eventTimeZoneOffset": "CET"}, "bad_zone_offset"),
        ({"bizStep": "urn:epcglobal:cbv:bizstep:arrived"}, "unknown_biz_step"),
        ({"disposition": "sold"}, "unknown_disposition"),
        ({"epcList": "urn:x:1"}, "bad_type"),
        ({"epcList": ["no uri"]}, "bad_identifier"),
        ({"quantityList": [{"epcClass": "urn:x:y", "quantity": True}]}, "bad_quantity"),
        ({"colour": "red"}, "unknown_field"),
        ({"readPoint": {"id": "urn:x:1", "gate": 4}}, "unknown_field"),
        ({"sourceList": [{"type": "place", "source": "urn:x:1"}]}, "unknown_code"),
        ({"epcList": None}, "missing_identifiers"),
        ({"type": "SaleEvent"}, "unknown_event_type"),
    ],
)
def test_a_broken_rule_has_a_name(changes, reason):
    with pytest.raises(BrokenRule) as caught:
        check_event(event(**changes))
    assert caught.value.reason == reason


def test_fields_and_codes_of_your_own_need_a_namespace():
    own = event(**{"acme:colour": "red", "bizStep": "https://acme.example/step/weighing"})
    assert check_event(own) == own


XML = """<epcis:EPCISDocument xmlns:epcis="urn:epcglobal:epcis:xsd:{version}"
  xmlns:a="urn:acme" schemaVersion="{schema}" creationDate="2026-03-02T09:00:00Z"><EPCISBody>
<EventList><!-- one --><ObjectEvent><eventTime>2026-03-02T08:15:00Z</eventTime>
<eventTimeZoneOffset>+01:00</eventTimeZoneOffset>{early}
<epcList><epc>urn:epc:id:sgtin:9521141.001234.7</epc></epcList><action>OBSERVE</action>
<bizStep>urn:epcglobal:cbv:bizstep:inspecting</bizStep>
<bizTransactionList><bizTransaction type="urn:epcglobal:cbv:btt:rma">urn:epcglobal:cbv:bt:1:R9
</bizTransaction></bizTransactionList>{late}<a:x><a:y>1</a:y><a:y>2</a:y></a:x></ObjectEvent>
</EventList></EPCISBody></epcis:EPCISDocument>"""
QUANTITY = (
    "<quantityList><quantityElement><epcClass>urn:epc:class:lgtin:1.2.3</epcClass>"
    "<quantity>{0}</quantity><uom>KGM</uom></quantityElement></quantityList>"
)


@pytest.mark.parametrize(
    ("version", "late"),
    [("1", "<extension>" + QUANTITY + "</extension>"), ("2", QUANTITY)],
)
@pytest.mark.parametrize(("said", "accepted"), [("2.5", 1), ("", 1), ("twelve", 0)])
def test_xml_says_the_same_in_both_versions(settings, tmp_path, version, late, said, accepted):
    schema = {"1": "1.2", "2": "2.0"}[version]
    text = XML.format(version=version, schema=schema, early="", late=late.format(said))
    counts = take(settings, tmp_path, text, "in.xml")
    assert (counts.received, counts.accepted) == (1, accepted)
    if accepted:
        assert rows(settings, "select case_id, activity from events") == [
            ("R9", "Finish inspection")
        ]


def test_a_doctype_or_damaged_xml_is_one_clear_sentence(settings, tmp_path):
    text = XML.format(version="2", schema="2.0", early="", late="")
    with pytest.raises(UnreadableFile, match="damaged or ends early"):
        take(settings, tmp_path, text[:-40], "cut.xml")
    with pytest.raises(UnreadableFile, match="DOCTYPE"):
        take(settings, tmp_path, "<!DOCTYPE a><EPCISDocument/>", "doctype.xml")


def test_an_unknown_element_and_a_repeated_one_are_refused(settings, tmp_path):
    for number, early in enumerate(
        ["<made>1</made>", "<eventTime>2026-03-02T08:15:00Z</eventTime>"]
    ):
        text = XML.format(version="2", schema="2.0", early=early, late="")
        take(settings, tmp_path, text, f"{number}.xml")
    found = [record.reason for record in quarantined(Lake(settings.home))]
    assert sorted(found) == ["repeated_field", "unknown_field"]


def test_the_openepcis_collection_is_judged_file_by_file(settings, shared_data):
    """Each of the 30 invalid files has something quarantined; the other 127 are read.

    One event of an invalid document is right itself and accepted.

    The 127 are 125 documents and bare events and 2 queries, which bring no event. Three of the
    documents jumble the element order the schema prescribes and are still unambiguous.
    """
    folder = shared_data / "messages" / "epcis_openepcis"
    files = sorted(path for path in folder.rglob("*") if path.suffix in {".json", ".xml"})
    invalid = {path for path in files if "Invalid" in path.parts}
    assert (len(files), len(invalid)) == (157, 30)
    bad = ingest(settings, sorted(invalid))
    assert (bad.deliveries, bad.received, bad.accepted, bad.quarantined) == (30, 37, 1, 36)
    good = ingest(settings, [path for path in files if path not in invalid])
    assert (good.deliveries, good.received, good.quarantined) == (127, 248, 0)
    assert good.accepted + good.duplicate == 248
    empty = rows(settings, "select name from deliveries where received = 0 order by 1")
    assert empty == [("SimpleEventQuery.json",), ("SimpleEventQuery.xml",)]
    told = {
        name: set(why)
        for name, why in rows(
            settings,
            "select name, list(distinct reason) from quarantine join deliveries using "
            "(delivery_id) group by 1",
        )
    }
    assert len(told) == 30
    assert told["ObjectEvent_with_quantity_as_text.json"] == {"bad_quantity"}
    assert told["ObjectEvent_with_invalid_certificationInfo.json"] == {"bad_certificate"}
    assert told["ObjectEvent_with_wrong_element_order.xml"] == {"wrong_element_order"}
    assert told["EPCISDocument_without_context.json"] == {"missing_context"}
    assert told["Query_with_unknown_parameter.json"] == {"bad_query"}
    assert told["QueryDocument_with_missing_value.xml"] == {"bad_query"}


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(st.sampled_from([*event(), "acme:x", "id", "type"]), below, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(sorted(event())), JSON, max_size=5))
def test_any_event_is_accepted_or_refused_by_name(changes):
    try:
        check_event(event() | changes)
    except BrokenRule as broken:
        assert broken.reason
