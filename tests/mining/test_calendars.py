"""Business time is what a person walking through it minute by minute would count."""

import json
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.intake import ingest
from mining import directly_follows_graph, load
from mining.calendars import MINUTE_US, WEEKDAYS, BadCalendar, Calendar

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CHANGES = {
    "America/Chicago": [date(2026, 3, 8), date(2026, 11, 1)],
    "Europe/Berlin": [date(2026, 3, 29), date(2026, 10, 25)],
    "Australia/Lord_Howe": [date(2026, 4, 5), date(2026, 10, 4)],  # half an hour, backwards
}
MINUTES = st.integers(0, 1440)


def microseconds(moment):
    return round((moment - EPOCH) / timedelta(microseconds=1))


def walk(calendar, begins, ends):
    """Count the open minutes one by one, reading the site's wall clock at each."""
    total, now = 0, begins
    while now < ends:
        local = now.astimezone(calendar.zone)
        minute = local.hour * 60 + local.minute
        if local.date() not in calendar.holidays and any(
            opens <= minute < closes for opens, closes in calendar.shifts[local.weekday()]
        ):
            total += 1
        now += timedelta(minutes=1)
    return total


@st.composite
def weeks(draw):
    def spell():
        a, b = sorted((draw(MINUTES), draw(MINUTES)))
        return (a, b) if a < b else (0, 1440)

    return tuple(tuple(spell() for _ in range(draw(st.integers(0, 2)))) for _ in range(7))


@pytest.mark.parametrize("zone", CHANGES)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_business_time_equals_a_walk_minute_by_minute_over_both_clock_changes(zone, data):
    change = data.draw(st.sampled_from(CHANGES[zone]))
    holidays = data.draw(st.sets(st.sampled_from([change + timedelta(n) for n in (-1, 0, 1)])))
    calendar = Calendar("DC", ZoneInfo(zone), data.draw(weeks()), frozenset(holidays))
    noon = datetime(change.year, change.month, change.day, 12, tzinfo=UTC)
    begins = noon + timedelta(minutes=data.draw(st.integers(-3000, 1500)))
    ends = begins + timedelta(minutes=data.draw(st.integers(0, 3000)))
    time = calendar.over(microseconds(begins), microseconds(ends))
    found = time.between([microseconds(begins)], [microseconds(ends)])
    assert found.tolist() == [walk(calendar, begins, ends) * MINUTE_US]


def test_a_night_shift_is_an_hour_shorter_in_spring_and_longer_in_autumn():
    text = json.dumps({day: [["00:00", "06:00"]] for day in WEEKDAYS})
    calendar = Calendar.parse("DC", "America/New_York", text)
    for day, hours in (("2026-03-07", 6), ("2026-03-08", 5), ("2026-11-01", 7)):
        midnight = pd.Timestamp(day, tz="America/New_York")
        begins = microseconds(midnight.to_pydatetime())
        time = calendar.over(begins, begins)
        found = time.between([begins], [begins + 12 * 3_600_000_000])
        assert found.tolist() == [hours * 3_600_000_000]


def test_the_pieces_cover_every_instant_once():
    text = json.dumps({"shifts": {"mon": [["06:00", "22:00"]], "tue": [["08:00", "24:00"]]}})
    calendar = Calendar.parse("DC", "Asia/Kolkata", text)
    begins = microseconds(datetime(2026, 6, 1, tzinfo=UTC))
    time = calendar.over(begins, begins + 7 * 86_400_000_000)
    rows = time.pieces().to_pydict()
    assert rows["from_us"][1:] == rows["to_us"][:-1]
    assert all(
        a // 86_400_000_000 == day for a, day in zip(rows["from_us"], rows["day_no"], strict=True)
    )
    worked = sum(
        b - a
        for a, b, is_open in zip(rows["from_us"], rows["to_us"], rows["open"], strict=True)
        if is_open
    )
    assert worked == (time.spells[:, 1] - time.spells[:, 0]).sum()


def test_an_edge_has_its_business_median_by_the_sites_calendar(settings, tmp_path, log_of):
    hours = {day: [["08:00", "16:00"]] for day in WEEKDAYS[:5]}
    pd.DataFrame(
        {
            "site": ["DC1"],
            "name": ["One"],
            "region": ["X"],
            "time_zone": ["America/Chicago"],
            "wms_kind": ["modern"],
            "calendar": [json.dumps(hours)],
            "posting_sla_h": [4.0],
            "valid_from": ["2024-01-01"],
        }
    ).to_csv(tmp_path / "sites.csv", index=False)
    friday = pd.Timestamp("2026-03-06T15:00", tz="America/Chicago").tz_convert("UTC")
    frame = log_of("Receive +65 Close_return", start=friday)  # over the change of 8 March
    frame["site"] = "DC1"
    frame.to_csv(tmp_path / "events.csv", index=False)
    ingest(settings, [tmp_path / "sites.csv", tmp_path / "events.csv"])
    [edge] = directly_follows_graph(load(settings.home)).to_dict()["edges"]
    assert edge["p50_s"] == 65 * 3600
    assert edge["business_p50_s"] == 2 * 3600  # Friday 15-16, Monday 8-9 by the clock on the wall


def test_an_unusable_calendar_is_refused_with_its_site():
    for zone, text in (
        ("America/Gotham", "{}"),
        ("UTC", '{"mon": [["22:00", "06:00"]]}'),
        ("UTC", '{"mon": [["x", "06:00"]]}'),
        ("UTC", "[]"),
    ):
        with pytest.raises(BadCalendar, match="site DC7"):
            Calendar.parse("DC7", zone, text)


def test_a_site_without_any_shift_works_never():
    calendar = Calendar("DC", ZoneInfo("UTC"), ((),) * 7)
    assert calendar.over(0, 10**12).between([0], [10**12]).tolist() == [0]
    assert len(calendar.over(0, 10**12).spells) == 0
    assert np.issubdtype(calendar.over(0, 0).worked([1]).dtype, np.integer)
