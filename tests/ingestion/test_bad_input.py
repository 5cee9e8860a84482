"""Bad input ends in one clear sentence or in the quarantine, and the counters balance."""

import gzip

import pytest

from ingestion.errors import BadMapping, RetraceError, UnknownMapping, UnreadableFile
from ingestion.intake import ingest
from ingestion.lake import Lake
from ingestion.status import quarantined, quarantined_record, status

COLUMNS = {"case": "case", "activity": "activity", "time": "time"}
GOOD = "case,activity,time\n1,register,2024-01-01 10:00:00\n1,decide,2024-01-02 10:00:00\n"


def load(settings, path, **how):
    return ingest(settings, [path], **(how or COLUMNS))


def write(folder, content, name="log.csv"):
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def reasons(settings):
    return sorted(record.reason for record in quarantined(Lake(settings.home)))


def events(settings):
    return (
        Lake(settings.home)
        .connect()
        .execute(
            "select case_id, activity, occurred_at from events order by occurred_at, source_seq"
        )
        .fetchall()
    )


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "the file is empty"),
        ("\n\n", "header line"),
        ("just some words\nand more\n", "delimiters"),
        (bytes(range(256)) * 40, "binary"),
        (gzip.compress(GOOD.encode() * 500)[:-20], "damaged or end early"),
        (b"PK\x03\x04rest", "zip archive"),
        (b"PAR1 but not really", "damaged"),
        ("<html><body>Sorry</body></html>", "XES"),
        ("<log><trace><event>", "damaged or ends early"),
        ('<?xml version="1.0"?><!DOCTYPE log [<!ENTITY a "b">]><log/>', "DOCTYPE"),
        ("[1, 2, 3]", "JSON"),
        ("[not json]\n", "JSON"),
    ],
)
def test_an_unreadable_file_is_one_clear_sentence(settings, tmp_path, content, says):
    with pytest.raises(UnreadableFile, match=says) as caught:
        load(settings, write(tmp_path, content))
    assert "\n" not in str(caught.value) and "log.csv" in str(caught.value)
    assert status(Lake(settings.home)).totals()["received"] == 0


def test_a_header_alone_is_an_empty_delivery(settings, tmp_path):
    counts = load(settings, write(tmp_path, "case,activity,time\n"))
    assert (counts.deliveries, counts.received) == (1, 0)


def test_a_missing_column_names_those_there_are(settings, tmp_path):
    with pytest.raises(BadMapping, match=r"no column 'time'.*case, what, when"):
        load(
            settings,
            write(tmp_path, "case,what,when\n1,a,2024-01-01\n"),
            case="case",
            activity="what",
            time="time",
        )


def test_an_unknown_layout_asks_for_the_columns(settings, tmp_path):
    with pytest.raises(UnknownMapping, match="--case"):
        ingest(settings, [write(tmp_path, "a,b,c\n1,2,3\n")])


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_comes_from_the_header(settings, tmp_path, delimiter):
    counts = load(settings, write(tmp_path, GOOD.replace(",", delimiter)))
    assert counts.accepted == 2


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_text_arrives_whatever_its_encoding(settings, tmp_path, encoding):
    text = GOOD.replace("register", "prüfen é").encode(encoding)
    assert load(settings, write(tmp_path, text)).accepted == 2
    assert events(settings)[0][1] == "prüfen é"


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_every_newline_ends_a_record(settings, tmp_path, newline):
    assert load(settings, write(tmp_path, GOOD.replace("\n", newline).encode())).accepted == 2


def test_bad_records_are_quarantined_with_their_reason(settings, tmp_path):
    rows = [
        "1,register,2024-01-01 10:00:00",
        ",no case,2024-01-01 10:00:00",
        "2,,2024-01-01 10:00:00",
        "3,no time,",
        "4,epoch time,epoch",
        "5,infinite,infinity",
        "6,not a day,2024-02-30 10:00:00",
        "7,too few",
        "8,too,many,2024-01-01",
        "9,nul\0,2024-01-01 10:00:00",
        "10,decide,2024-01-02T10:00:00+02:00",
    ]
    path = write(tmp_path, "case,activity,time\n" + "\n".join(rows) + "\n")
    counts = load(settings, path)
    assert (counts.received, counts.accepted, counts.duplicate, counts.quarantined) == (11, 2, 0, 9)
    assert reasons(settings) == sorted(
        [
            "missing_case",
            "missing_activity",
            "missing_time",
            "unreadable_time",
            "unreadable_time",
            "unreadable_time",
            "missing_columns",
            "too_many_columns",
            "nul_byte",
        ]
    )
    assert status(Lake(settings.home)).balanced


def test_a_refused_record_is_kept_whole(settings, tmp_path):
    load(settings, write(tmp_path, "case,activity,time\n7,too few\n1,a,never\n"))
    kept = {
        record.reason: quarantined_record(Lake(settings.home), record.quarantine_id)[1]
        for record in quarantined(Lake(settings.home))
    }
    assert kept["missing_columns"] == b"7,too few"
    assert kept["unreadable_time"] == b'{"case":"1","activity":"a","time":"never"}'


def test_a_line_of_ten_megabytes_is_set_aside(settings, tmp_path):
    long = "2," + "x" * 10_000_000 + ",2024-01-01\n"
    counts = load(settings, write(tmp_path, GOOD + long + "3,a,2024-01-03\n"))
    assert (counts.received, counts.accepted, counts.quarantined) == (4, 3, 1)
    [record] = quarantined(Lake(settings.home))
    assert record.reason == "line_too_long"
    assert quarantined_record(Lake(settings.home), record.quarantine_id)[1] == long.encode()


def test_an_unclosed_quote_costs_no_record_before_it(settings, tmp_path):
    counts = load(settings, write(tmp_path, GOOD + '2,"open,2024-01-03\n3,b,2024-01-04\n'))
    assert counts.accepted == 2 and counts.quarantined == 1
    [record] = quarantined(Lake(settings.home))
    raw = quarantined_record(Lake(settings.home), record.quarantine_id)[1].decode()
    assert "open" in raw and "3,b" in raw


def test_a_case_called_na_is_a_case(settings, tmp_path):
    load(settings, write(tmp_path, "case,activity,time\nNA,a,2024-01-01\nnull,b,2024-01-02\n"))
    assert [case for case, _, _ in events(settings)] == ["NA", "null"]


def test_json_lines_that_are_not_objects_are_quarantined(settings, tmp_path):
    lines = [
        '{"case": "1", "activity": "a", "time": "2024-01-01", "more": {"x": 1}}',
        "[1]",
        '{"case": "2", "activity": "b"',
        "null",
    ]
    counts = load(settings, write(tmp_path, "\n".join(lines) + "\n", "log.jsonl"))
    assert (counts.received, counts.accepted, counts.quarantined) == (4, 1, 3)
    assert reasons(settings) == ["invalid_json", "not_an_object", "not_an_object"]


def test_a_bad_file_in_a_folder_is_quarantined_and_the_rest_goes_on(settings, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    write(folder, b"\x00\x01\x02" * 100, "a.csv")
    write(folder, GOOD, "b.csv")
    write(folder, "", "c.csv")
    counts = load(settings, folder)
    assert (counts.deliveries, counts.received, counts.accepted, counts.quarantined) == (3, 4, 2, 2)
    assert status(Lake(settings.home)).balanced
    again = load(settings, folder)
    assert (again.received, again.duplicate) == (4, 4)


def test_times_without_offset_are_read_in_the_zone_given(settings, tmp_path):
    rows = [
        "1,winter,2024-01-15 12:00:00",
        "1,summer,2024-07-15 12:00:00",
        "1,offset,2024-08-15 12:00:00+02:00",
    ]
    path = write(tmp_path, "case,activity,time\n" + "\n".join(rows) + "\n")
    load(settings, path, **COLUMNS, timezone="America/New_York")
    assert [at.isoformat() for _, _, at in events(settings)] == [
        "2024-01-15T17:00:00+00:00",
        "2024-07-15T16:00:00+00:00",
        "2024-08-15T10:00:00+00:00",
    ]


def test_an_unknown_zone_is_a_clear_error(settings, tmp_path):
    with pytest.raises(RetraceError, match="time zone"):
        load(settings, write(tmp_path, GOOD), **COLUMNS, timezone="Mars/Olympus")


def test_a_gzip_bomb_is_refused(settings, tmp_path):
    path = write(tmp_path, gzip.compress(b"case,activity,time\n" + b"0" * 40_000_000))
    with pytest.raises(UnreadableFile, match="unpacks to more than"):
        load(settings, path)
