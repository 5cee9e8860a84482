"""Personal data in notes never reaches the lake; business data does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.intake import ingest
from ingestion.keys import secret
from ingestion.lake import Lake
from ingestion.privacy import masked


@pytest.mark.parametrize(
    ("note", "kept"),
    [
        ("mail jo.doe+x@example.co.uk pls", "mail [e-mail] pls"),
        ("call +1 (555) 010-2030 b4 noon", "call [phone] b4 noon"),
        ("tel 030/55", "tel 030/55"),
        ("ph 555-010-2030.", "ph [phone]."),
        ("+4915112345678 whatsapp", "[phone] whatsapp"),
        ("paid 4111 1111 1111 1111", "paid [card]"),
        ("paid 4111111111111111", "paid [card]"),
        ("refund to DE89 3704 0044 0532 0130 00 ok", "refund to [iban] ok"),
        ("iban GB82WEST12345698765432", "iban [iban]"),
    ],
)
def test_personal_data_is_masked(note, kept):
    assert masked(note) == kept


@pytest.mark.parametrize(
    "note",
    [
        "RMA R260004137:2 dup of R260004138:1",
        "rcvd 2026-06-30 14:05:33",
        "2 cs of 12 = 24 EA",
        "GTIN 04000000050381",
        "order O20627042642",
        "S/N 4111-22",
        "lot L32923 exp 06/2027",
        "no. 4111111111111112",
        "qty 10 000 units",
    ],
)
def test_business_data_stays(note):
    assert masked(note) == note


@given(st.text(max_size=80))
def test_masking_twice_changes_nothing_more(note):
    assert masked(masked(note)) == masked(note)


def test_notes_are_masked_before_the_lake(settings, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        "case,activity,time,note\n1,a,2024-01-01,write jo@example.com\n"
        "2,a,2024-01-01,write jo@example.com\n3,a,2024-01-01,ok\n4,a,2024-01-01,\n"
    )
    ingest(settings, [path], case="case", activity="activity", time="time")
    con = Lake(settings.home).connect()
    notes = con.execute("select note from events order by case_id").fetchall()
    assert notes == [("write [e-mail]",), ("write [e-mail]",), ("ok",), (None,)]


def test_a_secret_is_made_once_and_only_its_owner_can_read_it(tmp_path):
    first = secret(tmp_path / "secrets", "a.key")
    assert secret(tmp_path / "secrets", "a.key") == first and len(first) == 64
    assert (tmp_path / "secrets" / "a.key").stat().st_mode & 0o077 == 0
    assert [path.name for path in (tmp_path / "secrets").iterdir()] == ["a.key"]
