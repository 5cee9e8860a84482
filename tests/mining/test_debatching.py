"""End-of-day files: their events are spread over the working day, and never said to be exact."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.intake import ingest
from ingestion.lake import Lake
from mining import directly_follows_graph, kpis, load
from mining.calendars import Calendar
from mining.debatching import count_day_only, debatched, working_day
from mining.milestones import Milestones

SHIFTS = {day: [["07:00", "11:00"], ["12:00", "15:00"]] for day in ("mon", "tue", "wed", "thu")}
HOUR_US = 3_600_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(moment):
    return (moment - EPOCH) // timedelta(microseconds=1)


@pytest.fixture
def home(settings, tmp_path, deliver):
    """DC4 works from 7 to 15 in Chicago and reports two days, each in a file of the night."""
    sites = pd.DataFrame(
        {
            "site": ["DC4"],
            "name": ["Four"],
            "region": ["X"],
            "time_zone": ["America/Chicago"],
            "wms_kind": ["legacy"],
            "calendar": [json.dumps({"shifts": SHIFTS, "holidays": []})],
            "posting_sla_h": [28.0],
            "valid_from": ["2024-01-01"],
        }
    )
    sites.to_csv(tmp_path / "sites.csv", index=False)
    ingest(settings, [tmp_path / "sites.csv"])
    steps = [("a", "Arrive"), ("a", "Receive"), ("b", "Receive"), ("a", "Finish inspection")]
    rows = []
    for day in ("2026-03-02", "2026-03-03"):
        at = pd.Timestamp(f"{day}T15:00", tz="America/Chicago").tz_convert("UTC")
        for place, (case, activity) in enumerate(steps):
            rows.append((case + day, activity, at, at + pd.Timedelta(hours=8), place))
    columns = ["case_id", "activity", "occurred_at", "recorded_at", "source_seq"]
    frame = pd.DataFrame(rows, columns=columns).assign(site="DC4", confidence="inferred")
    deliver(frame, source="wms")
    return settings.home


def test_the_events_of_a_file_are_spread_evenly_over_the_working_day_in_its_order(home):
    lines = Milestones(load(home), load(home).slice()).lines.set_index("case_id")
    seven = microseconds(datetime(2026, 3, 2, 13, tzinfo=UTC))  # 7:00 in Chicago
    line = lines.loc["a2026-03-02"]
    hours = [(line[name] - seven) / HOUR_US for name in ("arrived_us", "received_us")]
    assert hours == [1.0, 3.0]  # the middle of the first and the second quarter of eight hours
    assert (line["inspected_us"] - seven) / HOUR_US == 7.0
    assert count_day_only(load(home)) == {"DC4": 8}


def test_a_duration_of_such_a_day_is_bounded_by_what_the_dates_allow(home):
    found = kpis(load(home), only=("dwell_inspection",)).frame
    row = found[found["site"].isna()].iloc[0]
    assert (row["n"], row["value"], row["dated_share"]) == (4, 4.0, 1.0)
    assert row["low"] == 0.0  # inspected on the day it was received: at once, or
    assert row["high"] is None or np.isnan(row["high"]) or row["high"] <= 8.0  # the whole shift


def test_a_map_no_longer_says_that_everything_happens_at_once(home):
    def p50s(log):
        edges = directly_follows_graph(log).to_dict()["edges"]
        return {(edge["source"], edge["target"]): edge["p50_s"] for edge in edges}

    log = load(home)
    assert set(p50s(log).values()) == {0.0}
    assert p50s(debatched(log)) == {
        ("Arrive", "Receive"): 2 * 3600.0,
        ("Receive", "Finish inspection"): 4 * 3600.0,
    }
    business = directly_follows_graph(debatched(log)).to_dict()["edges"]
    lunch = {edge["source"]: edge["business_p50_s"] for edge in business}
    assert lunch == {"Arrive": 2 * 3600.0, "Receive": 3 * 3600.0}


def test_the_log_itself_stays_as_it_was(home):
    log = load(home)
    before = directly_follows_graph(log).to_dict()
    debatched(log)
    assert directly_follows_graph(log).to_dict() == before


def test_exact_times_are_left_alone(log_of):
    frame = log_of("Receive +5 Finish_inspection", "Receive +7 Finish_inspection")
    frame["confidence"], frame["site"] = "exact", "DC1"
    assert count_day_only(load(frame)) == {}
    found = kpis(load(frame), only=("dwell_inspection",)).frame
    assert found["dated_share"].eq(0).all()


def test_inferred_places_with_real_times_are_no_day_file(log_of):
    frame = log_of(*["Receive +5.3 Finish_inspection"] * 3, apart=pd.Timedelta(hours=30.1))
    frame["confidence"], frame["site"] = "inferred", "DC1"
    assert count_day_only(load(frame)) == {}


ZONES = ("America/Chicago", "Europe/Berlin", "Australia/Lord_Howe")


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(ZONES),
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 30)),
    st.booleans(),
)
def test_a_working_day_holds_its_moment_or_lies_on_its_date(zone, moment, works):
    local = moment.replace(tzinfo=ZoneInfo(zone))
    at = microseconds(local)
    shifts = (((420, 930),) if works else (),) * 7
    low, high = working_day(Calendar("DC", ZoneInfo(zone), shifts), at)
    opens, closes = (
        (EPOCH + timedelta(microseconds=end)).astimezone(ZoneInfo(zone)) for end in (low, high)
    )
    day = (EPOCH + timedelta(microseconds=at)).astimezone(ZoneInfo(zone)).date()
    assert opens.date() == day
    if works:
        assert (opens.hour, opens.minute, closes.hour, closes.minute) == (7, 0, 15, 30)
    else:
        assert low <= at < high and (closes - timedelta(microseconds=1)).date() == day


def test_simulated_day_files_no_longer_stand_still(small_home):
    """Most steps between two events of one file took no time; now they take some."""
    log = load(small_home)
    legacy = [site for site, count in count_day_only(log).items() if count]
    assert legacy == ["DC4", "DC5"]
    shares = []
    for seen in (log, debatched(log)):
        steps = seen.engine.select("select source, target, duration_us, site_no from transitions")
        table = steps.to_pandas()
        by_warehouse = [
            number
            for number, name in seen.activities.items()
            if name in {"Arrive", "Receive", "Park in returns hold", "Finish inspection"}
        ]
        inside = table["source"].isin(by_warehouse) & table["target"].isin(by_warehouse)
        here = table["site_no"].isin([seen.sites[site] for site in legacy])
        shares.append(table[inside & here]["duration_us"].eq(0).mean())
    assert shares[0] > 0.2
    assert shares[1] == 0
    assert Lake(small_home).version("events") == log.events_version
