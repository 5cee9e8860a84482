"""Inspection outcomes by e-mail: tables, free text, ditto marks, forwarded chains, units."""

import json
from email.message import EmailMessage

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingestion.intake import ingest
from ingestion.lake import Lake
from ingestion.readers.inspection_mail import read_mail
from ingestion.readers.mail_fields import find_word
from ingestion.status import quarantined, quarantined_record, status

HEADER = ("RMA", "Line", "Item", "Qty", "Cond", "Grade", "Reason", "Remark")
ROWS = [
    ("R260000111", "1", "SPA-00001", "2 cs of 12", "NEW_SEALED", "A", "QUALITY.LABEL", "lbl off"),
    ("R260000112", "3", "SPA-00002", "1,0", "dmgd", "D", '"', "box, torn"),
    ("R260000112", "4", "SPA-00003", '"', "ditto", "", "OTHER", ""),
]


def mail(body="", html=None, subject="Insp DC5 03.07. R260000111", **headers):
    message = EmailMessage()
    said = {
        "From": "supervisor@dc5.example.com",
        "To": "finance@example.com",
        "Date": "Fri, 03 Jul 2026 15:30:00 -0500",
        "Message-ID": "<m1@example.com>",
        "Subject": subject,
    } | headers
    for name, value in said.items():
        if value is not None:
            message[name] = value
    message.set_content(body)
    if html:
        message.add_alternative(html, subtype="html")
    return message.as_bytes()


def as_text(rows, mark):
    return "\n".join(mark.join(row) for row in [HEADER, *rows])


def as_html(rows):
    cells = ["".join(f"<td>{cell}</td>" for cell in row) for row in [HEADER, *rows]]
    return "<p>today:</p><table>" + "".join(f"<tr>{row}</tr>" for row in cells) + "</table>"


def take(settings, folder, *mails):
    for number, content in enumerate(mails):
        (folder / f"{number}.eml").write_bytes(content)
    return ingest(settings, sorted(folder.glob("*.eml")))


FORMS = {
    "csv": mail("Hi,\n\n" + as_text(ROWS, ";") + "\n\nrgds"),
    "text": mail("Hi,\n\n" + as_text(ROWS, "  ") + "\n\nrgds"),
    "html": mail("(see table)", as_html(ROWS)),
    "forwarded": mail(
        "fyi\n\n> " + as_text(ROWS, ";").replace("\n", "\n> "),
        subject="FW: Insp DC5 03.07. R260000111",
    ),
    "forwarded twice": mail(">> > " + as_text(ROWS, "|").replace("\n", "\n>> > ")),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_table_says_the_same(settings, tmp_path, form):
    counts = take(settings, tmp_path, FORMS[form])
    assert (counts.received, counts.accepted, counts.quarantined) == (3, 3, 0)
    rows = (
        Lake(settings.home)
        .connect()
        .execute(
            "select case_id, sku, quantity::int, uom, quantity_original::int, uom_original, "
            "condition, reason, note, site, confidence, activity from events order by case_id"
        )
        .fetchall()
    )
    tail = ("DC5", "parsed_from_email", "Finish inspection")
    assert rows == [
        (
            "R260000111:1",
            "SPA-00001",
            24,
            "EA",
            2,
            "CS",
            "NEW_SEALED",
            "QUALITY.LABEL",
            "lbl off",
            *tail,
        ),
        (
            "R260000112:3",
            "SPA-00002",
            1,
            "EA",
            1,
            "EA",
            "BROKEN",
            "QUALITY.LABEL",
            "box, torn",
            *tail,
        ),
        ("R260000112:4", "SPA-00003", 1, "EA", 1, "EA", "BROKEN", "OTHER", None, *tail),
    ]


def fields(content):
    rows, _ = read_mail(content)
    return [(row, json.loads(row["field_confidence"])) for row in rows]


def test_cells_padded_to_columns_keep_their_places_when_some_are_empty():
    rows = [
        ("RMA", "Line", "Item", "Qty", "Cond", "Reason"),
        ("R260000111", "1", "SPA-00001", "24", "", "QUALITY.LABEL"),
        ("R260000112", "3", "", "1", "BROKEN", "OTHER"),
    ]
    body = "\n".join("".join(cell.ljust(16) for cell in row).rstrip() for row in rows)
    (first, sure), (second, _) = fields(mail(body))
    assert (first["case_id"], first["quantity"]) == ("R260000111:1", "24")
    assert (first["condition"], first["reason"]) == (None, "QUALITY.LABEL")
    assert (second["sku"], second["condition"]) == (None, "BROKEN")
    assert sure["reason"] == 0.9


def test_each_field_has_its_own_confidence():
    (_, first), (_, second), (_, third) = fields(FORMS["csv"])
    assert first["condition"] == 1.0 and first["quantity"] == 0.9
    assert second["condition"] == 0.8  # a word stands for the code
    assert second["reason"] < first["reason"]  # a ditto mark
    assert third["quantity"] < second["quantity"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "RMA R260000777/2: 3 ea SPA-00009 dmgd, pls scrap",
            ("R260000777:2", "3", "SPA-00009", "BROKEN", "SCRAP"),
        ),
        (
            "R260000777 line 5 qty 2 cs of 6 not dmgd, just unopened, ok 2 restk",
            ("R260000777:5", "12", None, "NEW_SEALED", "RESTOCK"),
        ),
        (
            "R260000777-1 PN ABC123 expired, RTV",
            ("R260000777:1", None, "ABC123", "EXPIRED", "SUPPLIER_RETURN"),
        ),
    ],
)
def test_free_text_that_names_an_rma_is_read_with_less_confidence(text, expected):
    [(row, confidence)] = fields(mail(f"Hi,\n{text}\nthanks"))
    found = tuple(row[name] for name in ("case_id", "quantity", "sku", "condition", "disposition"))
    assert found == expected
    assert confidence["condition"] == 0.5


def test_a_negated_word_says_nothing():
    assert find_word("not dmgd", "mail_condition") is None
    assert find_word("dmgd", "mail_condition") == "BROKEN"


@pytest.mark.parametrize(
    ("written", "quantity", "original"),
    [
        ("3", "3", "3"),
        ("3,0", "3", "3"),
        ("2,5", "2.5", "2.5"),
        ("1.200", "1200", "1200"),
        ("1.200,5", "1200.5", "1200.5"),
        ("2 cs of 12", "24", "2"),
        ("2x12", "24", "2"),
        ("4 ea", "4", "4"),
        ("2 cs", None, "2"),
    ],
)
def test_quantities_are_read_in_the_base_unit_and_as_written(written, quantity, original):
    body = f"RMA;Line;Item;Qty\nR260000111;1;SPA-00001;{written}"
    [(row, _)] = fields(mail(body))
    assert row["quantity"] and float(row["quantity"]) == float(quantity) if quantity else True
    assert (row["quantity"], row["quantity_original"]) == (quantity, original)


def test_one_rma_in_the_subject_stands_for_a_missing_number():
    body = "RMA;Line;Item;Qty\n;1;SPA-00001;2"
    [(row, confidence)] = fields(mail(body))
    assert row["case_id"] == "R260000111:1" and confidence["rma"] == 0.6
    assert read_mail(mail(body, subject="Insp R260000111 R260000112"))[0] == []


def test_the_innermost_mail_of_a_chain_tells_when_and_who():
    body = (
        "pls see below\n\n-----Original Message-----\nFrom: lead@dc5.example.com\n"
        "Sent: Wed, 01 Jul 2026 09:00:00 -0500\nSubject: Insp\n\n" + as_text(ROWS, ";")
    )
    (row, _), *_ = fields(mail(body, subject="FW: Insp"))
    assert row["occurred_at"] == "2026-07-01T09:00:00-05:00"
    assert row["recorded_at"] == "2026-07-03T15:30:00-05:00"
    assert (row["actor"], row["forwarded"]) == ("lead@dc5.example.com", "true")


def test_a_mail_forwarded_again_is_all_duplicates(settings, tmp_path):
    later = mail(
        "fyi\n" + as_text(ROWS, ";"),
        subject="FW: Insp DC5 03.07. R260000111",
        **{"Date": "Mon, 06 Jul 2026 08:00:00 -0500", "Message-ID": "<m2@example.com>"},
    )
    counts = take(settings, tmp_path, FORMS["csv"], later)
    assert (counts.received, counts.accepted, counts.duplicate) == (6, 3, 3)


def test_two_equal_lines_of_one_mail_are_two_units():
    rows, _ = read_mail(mail(as_text([ROWS[0], ROWS[0]], ";")))
    assert len({row["line_id"] for row in rows}) == 2


def test_a_line_that_states_nothing_is_quarantined_alone(settings, tmp_path):
    rows = [*ROWS, ("TBD", "", "", "", "", "", "", "ask lead")]
    counts = take(settings, tmp_path, mail(as_text(rows, ";"), subject="Insp"))
    assert (counts.received, counts.accepted, counts.quarantined) == (4, 3, 1)
    [record] = quarantined(Lake(settings.home))
    assert (record.reason, record.pointer) == ("unparsed_line", "mail line 4")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (mail("Hi, nothing to report today."), "no_inspection_line"),
        (mail(as_text(ROWS, ";"), Date=None), "missing_time"),
        (mail(as_text(ROWS, ";"), Date="soon"), "missing_time"),
    ],
)
def test_a_mail_without_a_line_is_quarantined_whole(settings, tmp_path, content, reason):
    counts = take(settings, tmp_path, content)
    assert (counts.received, counts.accepted, counts.quarantined) == (1, 0, 1)
    [record] = quarantined(Lake(settings.home))
    assert record.reason == reason
    assert quarantined_record(Lake(settings.home), record.quarantine_id)[1] == content
    assert status(Lake(settings.home)).balanced


def test_the_simulated_mails_of_a_site_are_read_to_the_last_line(settings, sim_dir):
    """All but the mails that hold only a scan, each of which is one refused record."""
    counts = ingest(settings, [sim_dir / "sources" / "mail"])
    assert counts.received == counts.accepted + counts.duplicate + counts.quarantined
    assert counts.accepted > 100
    assert {one.reason for one in quarantined(Lake(settings.home))} <= {"no_inspection_line"}
    [[strange]] = (
        Lake(settings.home)
        .connect()
        .execute(
            "select count(*) from events where case_id not like '%:%' or quantity is null "
            "or sku is null or condition is null or site <> 'DC5'"
        )
        .fetchall()
    )
    assert strange == 0


PIECES = st.sampled_from(
    [
        "RMA;Line;Qty\n",
        "R260000111",
        ";",
        '"',
        "\n",
        "ditto",
        "2 cs of 12",
        "dmgd",
        "  ",
        "<td>",
        "1,0",
        "> ",
    ]
)


@given(st.lists(PIECES | st.text(max_size=5), max_size=25), st.booleans())
@example(["RMA;Line;Qty\n", "R260000111;1;", "1.2.3,4"], False)
def test_any_body_is_read_or_refused(pieces, as_hyper):
    body = "".join(pieces).encode("utf-8", "replace")
    kind = b"html" if as_hyper else b"plain"
    head = b"From: a@b\nDate: Fri, 03 Jul 2026 15:30:00 -0500\nContent-Type: text/" + kind
    rows, refused = read_mail(head + b"; charset=utf-8\n\n" + body)
    assert rows or refused


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content):
    rows, refused = read_mail(b"From: a\nDate: Fri, 03 Jul 2026 15:30:00 +0000\n" + content)
    assert rows or refused
