"""SAP tables as an event log: against a true log, customer returns, archives, rows nobody takes."""

import zipfile
from pathlib import Path

import pytest

from ingestion.errors import UnreadableFile
from ingestion.intake import ingest
from ingestion.lake import Lake
from ingestion.status import quarantined

RETURNS = {
    "VBAK": "VBELN,AUART,ERDAT,ERZET,ERNAM,KUNNR,WAERK\n"
    "0060000001,RE2,20260701,081500,CLERK,C7,USD\n0000000009,TA,20260701,081500,CLERK,C7,USD\n",
    "VBAP": "VBELN,POSNR,MATNR,WERKS,KWMENG,VRKME,NETWR\n"
    "0060000001,000010,M-1,DC1,3,EA,30.00\n0000000009,000010,M-9,DC1,1,EA,9.00\n",
    "LIKP": "VBELN,LFART,ERDAT,ERZET,WADAT_IST\n0084000001,LR,20260702,090000,20260703\n",
    "LIPS": "VBELN,POSNR,MATNR,WERKS,LFIMG,VRKME,VGBEL,VGPOS\n"
    "0084000001,000010,M-1,DC1,3,EA,0060000001,000010\n",
    "MKPF": "MBLNR,MJAHR,CPUDT,CPUTM,BUDAT,USNAM\n"
    "4900000001,2026,20260703,101112,20260703,WM\n4900000002,2026,20260704,111213,20260704,WM\n"
    "4900000003,2026,20260705,111213,20260705,WM\n",
    "MSEG": "MBLNR,MJAHR,ZEILE,BWART,KDAUF,KDPOS,MATNR,WERKS,MENGE,MEINS,DMBTR,SMBLN,SJAHR\n"
    "4900000001,2026,0001,651,0060000001,000010,M-1,DC1,3,EA,21.00,,\n"
    "4900000002,2026,0001,453,0060000001,000010,M-1,DC1,3,EA,21.00,,\n"
    "4900000003,2026,0001,999,0060000001,000010,M-1,DC1,3,EA,21.00,,\n",
}


def extract(folder, tables=None):
    folder.mkdir()
    for name, text in (tables or RETURNS).items():
        (folder / f"{name}.csv").write_text(text)
    return folder


def rows(settings, query):
    return Lake(settings.home).connect().execute(query).fetchall()


def test_customer_returns_are_read_across_sales_delivery_and_stock(settings, tmp_path):
    counts = ingest(settings, [extract(tmp_path / "sap")])
    assert (counts.received, counts.accepted, counts.quarantined) == (6, 4, 2)
    assert counts.unmapped_activities == 0
    steps = rows(
        settings,
        "select activity, occurred_at::varchar, quantity::int, inventory_status, disposition "
        "from events where case_id = '60000001:10' order by occurred_at",
    )
    assert steps == [
        ("Create RMA", "2026-07-01 08:15:00+00", 3, None, None),
        ("Receive", "2026-07-03 00:00:00+00", 3, None, None),
        ("Post goods receipt", "2026-07-03 10:11:12+00", 3, "RETURNS_HOLD", None),
        ("Post stock transfer", "2026-07-04 11:12:13+00", 3, None, "RESTOCK"),
    ]
    left = {(record.pointer, record.reason) for record in quarantined(Lake(settings.home))}
    assert left == {("MSEG row 3", "no_extraction_rule"), ("VBAP row 2", "no_extraction_rule")}


def test_a_zip_archive_is_the_same_extract(settings, tmp_path):
    folder = extract(tmp_path / "sap")
    with zipfile.ZipFile(tmp_path / "sap.zip", "w") as archive:
        for file in folder.iterdir():
            archive.write(file, f"export/{file.name.lower()}")
        archive.writestr("export/readme.txt", "not a table")
    ingest(settings, [folder])
    counts = ingest(settings, [tmp_path / "sap.zip"])
    assert (counts.received, counts.duplicate, counts.quarantined) == (6, 4, 2)


@pytest.mark.parametrize(("at", "value"), [(6, 185), (10, 99)])
def test_a_damaged_directory_is_an_error_with_a_name(settings, tmp_path, at, value):
    """An unknown version of zip, an unknown compression."""
    path = tmp_path / "sap.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in RETURNS.items():
            archive.writestr(f"{name}.csv", text)
    content = bytearray(path.read_bytes())
    content[content.rindex(b"PK\x01\x02") + at] = value
    path.write_bytes(content)
    with pytest.raises(UnreadableFile, match="archive"):
        ingest(settings, [path])


def test_an_extract_inside_a_folder_is_one_delivery(settings, tmp_path):
    (tmp_path / "in").mkdir()
    extract(tmp_path / "in" / "sap")
    again = [ingest(settings, [tmp_path / "in"]) for _ in range(2)]
    assert [counts.deliveries for counts in again] == [1, 1]
    assert (again[1].received, again[1].duplicate) == (6, 6)


def test_a_broken_row_and_an_impossible_date_are_refused(settings, tmp_path):
    tables = RETURNS | {
        "MSEG": RETURNS["MSEG"] + "too,few\n",
        "MKPF": RETURNS["MKPF"].replace("20260703,101112", "20261332,101112"),
    }
    counts = ingest(settings, [extract(tmp_path / "sap", tables)])
    found = sorted(record.reason for record in quarantined(Lake(settings.home)))
    assert found == ["broken_row", "no_extraction_rule", "no_extraction_rule", "unreadable_time"]
    assert counts.received == counts.accepted + counts.quarantined


def test_tables_without_a_fact_are_a_clear_error(settings, tmp_path):
    tables = {"LFA1": "LIFNR,NAME1\n1,a\n", "EKKO": "EBELN,LIFNR,BSART\n1,1,NB\n"}
    with pytest.raises(UnreadableFile, match="no event can be read from EKKO, LFA1"):
        ingest(settings, [extract(tmp_path / "sap", tables)])


MATCHING = """
with truth as (select activity, {case}, timestamp::timestamptz as happened,
    row_number() over (partition by activity, {case}, timestamp) as nth
  from read_csv('{file}', all_varchar=true)),
found as (select activity, {case}, occurred_at as happened,
    row_number() over (partition by activity, {case}, occurred_at) as nth from events)
select activity, count(*) filter (where t.nth is not null and f.nth is not null) as matched,
  count(*) filter (where f.nth is null) as missing, count(*) filter (where t.nth is null) as extra
from truth t full join found f using (activity, {name}, happened, nth) group by activity
"""

ALL_MATCHED = {
    "Record Invoice Receipt": 905,
    "Record Goods Receipt": 884,
    "Record Service Entry Sheet": 683,
    "Vendor creates invoice": 663,
    "Create Purchase Order Item": 300,
    "SRM: Transfer Failed (E.Sys.)": 19,
    "Change Delivery Indicator": 5,
    "SRM: Transaction Completed": 3,
}
ITEM_UNKNOWN = {  # matched to their item, and only to their order
    "SRM: In Transfer to Execution Syst.": (267, 166),
    "SRM: Document Completed": (217, 158),
    "SRM: Ordered": (217, 158),
    "SRM: Created": (217, 158),
    "SRM: Complete": (217, 158),
    "SRM: Awaiting Approval": (217, 158),
    "SRM: Change was Transmitted": (153, 147),
    "SRM: Deleted": (64, 11),
    "Change Price": (50, 4),
    "Cancel Invoice Receipt": (33, 8),
    "Vendor creates debit memo": (26, 8),
    "Remove Payment Block": (18, 4),
    "Cancel Goods Receipt": (4, 4),
    "Change Final Invoice Indicator": (1, 4),
    "Delete Purchase Order Item": (2, 2),
    "SRM: Held": (1, 2),
    "SRM: Incomplete": (1, 2),
    "Change Quantity": (1, 1),
}


def test_the_true_log_comes_back_activity_by_activity(settings, shared_data):
    """6,964 true events: 6,832 found (98.1 %), none invented, 132 clearings without an invoice.

    5,679 of them stand at their order item; the other 1,153 are change documents of orders with
    several items, which name the order alone (the extract has no TABKEY).
    """
    folder = shared_data / "sap" / "bpi2019_sap_tables"
    counts = ingest(settings, [folder])
    assert (counts.received, counts.accepted, counts.quarantined) == (6_964, 6_832, 132)
    assert {record.reason for record in quarantined(Lake(settings.home))} == {"missing_case"}
    truth = folder / "ground_truth_log.csv"
    by_order = MATCHING.format(case="left(case_id, 10) as purchase", name="purchase", file=truth)
    by_order = by_order.replace(
        "by activity, left(case_id, 10) as purchase", "by activity, left(case_id, 10)"
    )
    expected = {name: (n, 0, 0) for name, n in ALL_MATCHED.items()}
    expected |= {name: (item + order, 0, 0) for name, (item, order) in ITEM_UNKNOWN.items()}
    expected["Clear Invoice"] = (511, 132, 0)
    assert {name: told for name, *told in rows(settings, by_order)} == {
        name: list(told) for name, told in expected.items()
    }
    by_item = MATCHING.format(case="case_id", name="case_id", file=truth)
    expected |= {name: (item, order, order) for name, (item, order) in ITEM_UNKNOWN.items()}
    assert {name: told for name, *told in rows(settings, by_item)} == {
        name: list(told) for name, told in expected.items()
    }
    readme = (Path(__file__).parents[2] / "ingestion" / "README.md").read_text(encoding="utf-8")
    for name, (item, missing, _) in expected.items():
        alone = missing if name in ITEM_UNKNOWN else 0
        told = (item + missing, item, alone, missing - alone, 0)
        assert f"| {name} | " + " | ".join(f"{count:,}" for count in told) + " |" in readme
    [[inferred]] = rows(settings, "select count(*) from events where confidence = 'inferred'")
    assert inferred == 1_153 + 511
