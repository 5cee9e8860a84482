"""Fixed-width files of old systems: columns by position, the same facts as the same file in CSV."""

import csv

import pytest
import yaml

from ingestion.errors import BadMapping, UnreadableFile
from ingestion.intake import ingest
from ingestion.lake import Lake
from ingestion.mapping import FOLDER
from ingestion.status import quarantined, quarantined_record, status

MAPPING = """
name: old
format: fixed_width
layout:
  width: 40
  record: "R[0-9]"
  ignore: "HDR|TRL"
  columns:
    CASE: [1, 6]
    ACT: [7, 14]
    DAY: [15, 24]
    ITEM: [25, 30]
    QTY: [31, 37]
time_formats: ["%d.%m.%Y"]
timezone: Europe/Berlin
decimal: ","
columns:
  case_id: CASE
  activity: ACT
  occurred_at: DAY
  sku: {column: ITEM, zeros: 6}
  quantity: QTY
"""
RECORDS = [
    "HDR 2026-07-03",
    "R1    Receive 03.07.2026004711    1,5   ",
    "R2    Inspect 04.07.2026  4712   -2,0XYZ",
    "R3    Prüfen  04.12.20260AB   2         ",
    "TRL000003",
]


@pytest.fixture
def mapping(tmp_path):
    path = tmp_path / "old.yaml"
    path.write_text(MAPPING)
    return path


def ask(settings, query):
    return Lake(settings.home).connect().execute(query).fetchall()


def load(settings, tmp_path, mapping, lines, end="\n"):
    path = tmp_path / "eod.txt"
    path.write_bytes((end.join(lines) + end).encode("cp1252"))
    return ingest(settings, [path], mapping=str(mapping))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_columns_are_cut_by_position_and_read_by_the_mapping(settings, tmp_path, mapping, end):
    counts = load(settings, tmp_path, mapping, RECORDS, end)
    assert (counts.received, counts.accepted) == (3, 3)
    assert ask(
        settings,
        "select case_id, activity, occurred_at::varchar, sku, quantity from events order by 1",
    ) == [
        ("R1", "Receive", "2026-07-02 22:00:00+00", "004711", 1.5),
        ("R2", "Inspect", "2026-07-03 22:00:00+00", "004712", -2),
        ("R3", "Prüfen", "2026-12-03 23:00:00+00", "0AB", 2),
    ]


def test_a_cut_off_or_foreign_line_is_refused_whole_and_alone(settings, tmp_path, mapping):
    broken = [RECORDS[1][:31], "X" + RECORDS[1][1:], RECORDS[1] + "!"]
    counts = load(settings, tmp_path, mapping, [*RECORDS, *broken])
    assert (counts.received, counts.accepted, counts.quarantined) == (6, 3, 3)
    lake = Lake(settings.home)
    found = {
        quarantined_record(lake, record.quarantine_id)[1].decode(): record.reason
        for record in quarantined(lake)
    }
    assert found == dict(zip(broken, ["wrong_width", "unknown_record", "wrong_width"], strict=True))
    assert status(lake).balanced


def test_a_file_without_one_record_is_one_clear_sentence(settings, tmp_path, mapping):
    with pytest.raises(UnreadableFile, match="no line is a record of 40 characters"):
        load(settings, tmp_path, mapping, ["HDR", "nothing here"])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("ACT: [7, 14]", "ACT: [6, 14]"), "overlaps"),
        (("QTY: [31, 37]", "QTY: [31, 41]"), "outside the record of 40"),
        (("ACT: [7, 14]", "ACT: 7"), "NAME: \\[first, last\\]"),
        (('record: "R[0-9]"', 'record: "R["'), "regular expressions"),
        (('  record: "R[0-9]"\n', ""), "needs 'record'"),
    ],
)
def test_a_layout_that_cannot_be_right_is_refused(settings, tmp_path, mapping, change, says):
    mapping.write_text(MAPPING.replace(*change))
    with pytest.raises(BadMapping, match=says):
        load(settings, tmp_path, mapping, RECORDS)


def to_fixed_width(source, target):
    """Render a CSV file as the shipped record description says; answer the records written."""
    layout = yaml.safe_load((FOLDER / "wms_legacy_fixed.yaml").read_text())["layout"]
    with source.open(newline="") as file:
        rows = list(csv.DictReader(file))
    with target.open("w") as file:
        file.write(f"HDR{source.stem}\n")
        for row in rows:
            record = [" "] * layout["width"]
            for name, (first, last) in layout["columns"].items():
                assert len(row[name]) <= last - first + 1
                record[first - 1 : last] = row[name].ljust(last - first + 1)
            file.write("".join(record) + "\n")
        file.write(f"TRL{len(rows):06d}\n")
    return len(rows)


def test_a_legacy_site_in_fixed_width_gives_the_same_events_as_its_csv(settings, tmp_path, sim_dir):
    """Recognised from content; then the CSV of the same days brings nothing new."""
    folder = tmp_path / "fixed"
    folder.mkdir()
    files = [
        path
        for path in sorted((sim_dir / "sources/wms_legacy/DC5").glob("*.csv"))
        if "RESEND" not in path.name
    ][:20]
    written = sum(to_fixed_width(path, folder / f"{path.stem}.txt") for path in files)
    counts = ingest(settings, [folder])
    assert (counts.deliveries, counts.received) == (len(files), written)
    assert counts.accepted > 0.9 * written
    again = ingest(settings, files)
    assert (again.received, again.accepted) == (written, 0)
    assert again.duplicate == counts.accepted + counts.duplicate
    assert status(Lake(settings.home)).balanced
