"""A site whose file is missing says so; one that rests on a holiday does not."""

import json

import pandas as pd
import pytest

from mining import kpis, load
from mining.completeness import completeness

HOURS = {day: [["07:00", "15:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
SITES = pd.DataFrame(
    {
        "site": ["DC4"],
        "name": ["Four"],
        "region": ["X"],
        "time_zone": ["America/Chicago"],
        "wms_kind": ["legacy"],
        "calendar": [json.dumps({"shifts": HOURS, "holidays": ["2026-03-20"]})],
        "posting_sla_h": [28.0],
        "valid_from": ["2024-01-01"],
    }
)


def nightly_files(days, *, site="DC4", at="23:30"):
    """Two events a day, recorded by one file at night."""
    local = [pd.Timestamp(f"{day}T{at}", tz="America/Chicago") for day in days for _ in range(2)]
    recorded = pd.Series(local).dt.tz_convert("UTC")
    return pd.DataFrame(
        {
            "case_id": [f"c{n}" for n in range(len(local))],
            "activity": "Receive",
            "occurred_at": recorded - pd.Timedelta(hours=8),
            "recorded_at": recorded,
            "site": site,
        }
    )


def working_days(first, last):
    return [
        str(day.date()) for day in pd.bdate_range(first, last) if str(day.date()) != "2026-03-20"
    ]


@pytest.fixture
def home(settings, tmp_path):
    from ingestion.intake import ingest

    path = tmp_path / "sites.csv"
    SITES.to_csv(path, index=False)
    ingest(settings, [path])
    return settings.home


def only_source(home, as_of, source):
    [row] = [row for row in completeness(load(home, as_of=as_of)) if row.source == source]
    return row


def test_a_missing_file_is_named_with_its_lateness(home, deliver):
    deliver(nightly_files(working_days("2026-03-02", "2026-03-17")), source="wms")
    deliver(nightly_files(["2026-03-24"], site=None), source="other")
    late = only_source(home, "2026-03-24T18:00Z", "wms")
    assert late.by_file and late.usual_gap_days == 1
    # Wednesday, Thursday and Monday are missing; Friday is a holiday, Tuesday's file not yet due
    assert late.late_days == 3
    assert late.message == "DC4: wms: last file of 17 Mar 2026, 3 working days late"
    assert (late.expected_days, late.reported_days) == (15, 12)


def test_weekends_holidays_and_the_file_of_tonight_are_not_missed(home, deliver):
    deliver(nightly_files(working_days("2026-03-02", "2026-03-19")), source="wms")
    for as_of in ("2026-03-20T12:00Z", "2026-03-22T12:00Z", "2026-03-23T22:00Z"):
        assert only_source(home, as_of, "wms").message is None


def test_the_moment_the_file_is_due_counts(home, deliver):
    deliver(nightly_files(working_days("2026-03-02", "2026-03-19")), source="wms")
    deliver(nightly_files(["2026-03-26"], site=None), source="other")
    before, after = "2026-03-24T04:29Z", "2026-03-24T04:31Z"  # 23:30 in Chicago on the 23rd
    assert only_source(home, before, "wms").late_days == 0
    assert only_source(home, after, "wms").late_days == 1


def test_a_source_that_reports_now_and_then_is_late_by_its_own_measure(home, deliver):
    now_and_then = working_days("2026-02-02", "2026-03-10")[::3]
    deliver(nightly_files(now_and_then), source="portal")
    deliver(nightly_files(["2026-03-17"], site=None), source="other")
    assert now_and_then[-1] == "2026-03-06"
    assert only_source(home, "2026-03-11T12:00Z", "portal").message is None
    assert only_source(home, "2026-03-12T12:00Z", "portal").late_days == 1


def test_few_reports_teach_no_rhythm(home, deliver):
    deliver(nightly_files(["2026-03-02", "2026-03-03"]), source="wms")
    deliver(nightly_files(["2026-03-26"], site=None), source="other")
    row = only_source(home, "2026-03-26T12:00Z", "wms")
    assert (row.usual_gap_days, row.message) == (None, None)


def test_the_kpis_carry_the_warning(home, deliver):
    deliver(nightly_files(working_days("2026-03-02", "2026-03-17")), source="wms")
    deliver(nightly_files(["2026-03-25"], site=None), source="other")
    found = kpis(load(home), only=("touches",))
    [warning] = found.warnings
    assert warning.startswith("DC4: wms: last file of 17 Mar")
    [row] = [row for row in found.with_details()["completeness"] if row["message"]]
    json.dumps(row)
    assert kpis(load(home), site="DC4", only=("touches",)).warnings == [warning]


def test_a_whole_log_of_simulated_returns_is_complete_in_its_busy_middle(small_home):
    log = load(small_home)
    rows = completeness(load(small_home, as_of=log.as_of - pd.Timedelta(days=16)))
    assert {row.site for row in rows} == {"DC1", "DC2", "DC3", "DC4", "DC5"}
    assert [row.message for row in rows if row.message] == []
    assert all(row.by_file == (row.source == "wms_legacy") for row in rows)
