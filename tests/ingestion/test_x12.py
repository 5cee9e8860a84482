"""X12 of partners: five transaction sets about returns, counts checked, everything else refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.intake import ingest
from ingestion.lake import Lake
from ingestion.readers.x12 import read_interchange
from ingestion.status import quarantined, quarantined_record, status

BODIES = {
    "180": [
        "BGN*00*R1*20260702",
        "BLI*SK*SPA-1*3*EA*9.50",
        "RDR*RP*DR",
        "N9*RZ*R1-2",
        "N9*PO*PO7",
        "BLI*SK*SPA-2*1*EA",
        "RDR*RA*WG",
        "N9*RZ*R1-3",
    ],
    "812": ["BCD*20260702*CM9*C", "CUR*SE*USD", "N9*RZ*R1-2", "CDD*12*C**1250**3*EA",
            "LIN*1*SK*SPA-1"],
    "861": ["BRA*RA5*20260702*00*1", "N9*RZ*R1-2", "RCD*1*3*EA*****04", "LIN*1*SK*SPA-1"],
    "944": ["W17*F*20260702*W8*SO1", "N1*WH*DC4*92*DC4", "N9*RZ*R1-2", "LX*1", "W07*3*EA**SK*SPA-1",
            "N9*SN*S77", "W13*3*EA*05"],
    "947": ["W15*20260702*AD3", "N9*RZ*R1-2", "W19*07*3*EA**SK*SPA-1"],
}  # fmt: skip


def interchange(kind, body=None, *, count=None, end="~\n", number="000000007"):
    body = BODIES[kind] if body is None else body
    segments = [
        f"ISA*00*          *00*          *ZZ*PARTNER        *ZZ*US             "
        f"*260702*1345*U*00501*{number}*0*P*>",
        "GS*XX*PARTNER*US*20260702*1345*7*X*005010",
        f"ST*{kind}*0001",
        *body,
        f"SE*{len(body) + 2 if count is None else count}*0001",
        "GE*1*7",
        f"IEA*1*{number}",
    ]
    return "".join(segment + end for segment in segments)


def take(settings, folder, text, name="in.edi"):
    (folder / name).write_text(text)
    return ingest(settings, [folder / name])


def events(settings, columns):
    con = Lake(settings.home).connect()
    return con.execute(f"select {columns} from events order by case_id").fetchall()


def reasons(settings):
    return {record.reason for record in quarantined(Lake(settings.home))}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("180", [("R1:2", "Request return", 3, "QUALITY.DEFECTIVE", None, None, None),
                 ("R1:3", "Approve return", 1, "FULFIL.WRONG_ITEM", None, "SUPPLIER_RETURN",
                  None)]),
        ("812", [("R1:2", "Receive supplier credit", 3, None, None, None, 12.5)]),
        ("861", [("R1:2", "Confirm supplier delivery", 3, None, "FUNCTIONAL_DEFECT", None, None)]),
        ("944", [("R1:2", "Receive", 3, None, "WRONG_ITEM", None, None)]),
        ("947", [("R1:2", "Execute disposition", 3, None, None, "SCRAP", None)]),
    ],
)  # fmt: skip
def test_each_set_becomes_steps_of_the_return_line(settings, tmp_path, kind, expected):
    counts = take(settings, tmp_path, interchange(kind))
    assert counts.received == counts.accepted == len(expected) and counts.unmapped_activities == 0
    columns = "case_id, activity, quantity::int, reason, condition, disposition, amount::double"
    assert events(settings, columns) == expected
    [(sku, at, confidence), *_] = events(settings, "sku, occurred_at::varchar, confidence")
    assert (sku, at, confidence) == ("SPA-1", "2026-07-02 13:45:00+00", "exact")


def test_lines_link_to_their_objects(settings, tmp_path):
    take(settings, tmp_path, interchange("180"))
    con = Lake(settings.home).connect()
    linked = con.execute(
        "select object_type, object_id from event_objects where object_type <> 'line' order by all"
    ).fetchall()
    assert linked == [("order", "PO7"), ("rma", "R1"), ("rma", "R1")]


def test_a_reference_without_an_authorisation_is_inferred(settings, tmp_path):
    body = [segment for segment in BODIES["944"] if not segment.startswith("N9*RZ")]
    take(settings, tmp_path, interchange("944", body))
    assert events(settings, "case_id, confidence") == [("W8:1", "inferred")]


@pytest.mark.parametrize("end", ["~", "~\n", "\n", "'", "~\r\n"])
def test_the_header_tells_how_segments_end(settings, tmp_path, end):
    counts = take(settings, tmp_path, interchange("944", end=end))
    assert (counts.received, counts.accepted) == (1, 1)


def test_lost_widths_and_missing_envelopes_do_not_matter(settings, tmp_path):
    bare = interchange("944").split("GS*", 1)[1].split("~\n", 1)[1].split("GE*")[0]
    assert take(settings, tmp_path, bare, "bare.edi").accepted == 1
    narrow = interchange("861").replace("          ", "").replace("PARTNER        ", "PARTNER")
    assert take(settings, tmp_path, narrow, "narrow.edi").accepted == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (interchange("944", count=5), "wrong_segment_count"),
        (interchange("850", ["BEG*00*SA*1**20260702"]), "transaction_set_not_read"),
        (interchange("944").replace("SE*9*0001", "SE*9*0002"), "wrong_control_number"),
        (interchange("944").replace("GE*1*7", "GE*2*7"), "wrong_envelope_count"),
        (interchange("944").replace("IEA*1*000000007~", ""), "truncated"),
        (interchange("944", ["LX*1"]), "missing_header"),
        (interchange("944", ["W17*F*20260702*"]), "missing_document_number"),
        (interchange("944")[:150], "no_transaction_set"),
        ("ISA*00*", "truncated"),
    ],
)
def test_what_contradicts_itself_is_quarantined_whole(settings, tmp_path, text, reason):
    counts = take(settings, tmp_path, text)
    assert (counts.received, counts.accepted, counts.quarantined) == (1, 0, 1)
    assert reasons(settings) == {reason}
    [record] = quarantined(Lake(settings.home))
    assert quarantined_record(Lake(settings.home), record.quarantine_id)[1]


def test_one_broken_interchange_costs_only_itself(settings, tmp_path):
    text = interchange("944", count=3) + interchange("861", number="000000008")
    counts = take(settings, tmp_path, text)
    assert (counts.received, counts.accepted, counts.quarantined) == (2, 1, 1)


def test_an_interchange_sent_again_is_all_duplicates(settings, tmp_path):
    take(settings, tmp_path, interchange("180"))
    again = take(settings, tmp_path, interchange("180", end="~"), "again.edi")
    assert (again.received, again.duplicate) == (2, 2)


def test_the_collected_files_are_read_or_refused_by_name(settings, shared_data):
    """Four files are about returns; six state a wrong SE, three a wrong GE; eight are others.

    856_x12types_7 is byte for byte 856_x12types_3 and therefore a duplicate.
    """
    folder = shared_data / "messages" / "x12"
    counts = ingest(settings, sorted(folder.glob("*.edi")))
    assert (counts.deliveries, counts.received) == (21, 23)
    assert (counts.accepted, counts.duplicate, counts.quarantined) == (6, 1, 16)
    con = Lake(settings.home).connect()
    told = con.execute(
        "select name, reason from quarantine join deliveries using (delivery_id) "
        "where not repeat order by name"
    ).fetchall()
    by_reason = {}
    for name, reason in told:
        by_reason.setdefault(reason, []).append(name.removesuffix(".edi"))
    assert by_reason == {
        "wrong_segment_count": [
            "810_x12types_1",
            *(f"856_x12types_{number}" for number in (2, 4, 5, 6)),
            "945_x12types_nowrapper",
        ],
        "wrong_envelope_count": ["856_x12types_3"],
        "wrong_control_number": ["940_x12types_1"],
        "transaction_set_not_read": [
            "810_x12types_2",
            "856_x12types_8",
            *(f"940_x12types_{number}" for number in (2, 3, 4, 5)),
            "x12types_004010_850",
            "x12types_004060_856",
        ],
    }
    taken = con.execute(
        "select extras->>'transaction_set', count(*) from events group by 1"
    ).fetchall()
    assert dict(taken) == {"180": 1, "812": 1, "861": 2, "944": 2}


def test_malformed_fragments_are_refused_one_by_one(settings, shared_data):
    files = sorted((shared_data / "messages" / "x12" / "malformed_fragments").glob("*.edi"))
    counts = ingest(settings, files)
    assert (counts.deliveries, counts.received, counts.accepted) == (37, 37, 0)
    assert (counts.quarantined, counts.duplicate) == (33, 4)  # four are copies of others
    assert status(Lake(settings.home)).balanced


def test_the_simulated_interchanges_are_read_to_the_last_line(settings, sim_dir):
    counts = ingest(settings, [sim_dir / "alternates" / "edi"])
    assert counts.received == counts.accepted > 500


PIECES = st.sampled_from(
    [
        "ISA*",
        "GS*",
        "ST*944*1~",
        "SE*2*1~",
        "W17*F*20260702*W~",
        "W07*1~",
        "GE*1*1~",
        "IEA*1*1~",
        "~",
        "*",
        "\n",
    ]
)


@given(st.lists(PIECES | st.text(max_size=4), max_size=20))
def test_any_text_is_read_or_refused(pieces):
    rows, refused = read_interchange("".join(pieces).encode("utf-8", "replace"))
    assert rows or refused
