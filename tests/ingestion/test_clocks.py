"""Clocks judged from what sources say, on logs whose clocks are known to be right or wrong."""

import json
from datetime import UTC, date, datetime, time, timedelta

from typer.testing import CliRunner

from ingestion.clocks import clocks
from ingestion.commands import app
from ingestion.database import engine, writing
from ingestion.inbox import Message, store
from ingestion.intake import ingest
from ingestion.lake import Lake

START = datetime(2026, 3, 2, 8, tzinfo=UTC)


def judged(settings, tmp_path, rows, site="DC1"):
    """Load (occurred, recorded) moments and judge their one source."""
    path = tmp_path / "log.csv"
    lines = [
        f"R{n},Receive,{occurred.isoformat()},{recorded.isoformat() if recorded else ''},{site}"
        for n, (occurred, recorded) in enumerate(rows)
    ]
    path.write_text("case_id,activity,occurred_at,recorded_at,site\n" + "\n".join(lines) + "\n")
    ingest(settings, [path])
    [clock] = clocks(Lake(settings.home))
    return clock


def moments(days=5, each=30):
    for day in range(days):
        for n in range(each):
            yield START + timedelta(days=day, minutes=7 * n, seconds=n)


def test_a_right_clock_is_left_alone(settings, tmp_path):
    rows = [(at, at + timedelta(seconds=5 + n % 40)) for n, at in enumerate(moments())]
    clock = judged(settings, tmp_path, rows)
    assert (clock.events, clock.before_the_fact, clock.skew_s) == (150, 0, 0.0)
    assert not clock.is_batch and clock.days_off == ()
    assert 5 <= clock.delay_p50_s <= 45


def test_a_clock_ahead_shows_in_records_older_than_their_facts(settings, tmp_path):
    rows = [(at, at - timedelta(seconds=120 - n % 10)) for n, at in enumerate(moments())]
    clock = judged(settings, tmp_path, rows)
    assert clock.before_the_fact == 150
    assert 119 <= clock.skew_s <= 120


def test_a_day_on_which_a_server_missed_a_change_is_named(settings, tmp_path):
    wrong = date(2026, 3, 4)
    rows = [
        (at - timedelta(hours=1) * (at.date() == wrong), at + timedelta(seconds=n % 60))
        for n, at in enumerate(moments())
    ]
    clock = judged(settings, tmp_path, rows)
    [off] = clock.days_off
    assert off.day == wrong
    assert abs(off.skew_s - 3600) < 60


def test_a_slow_day_is_no_wrong_clock(settings, tmp_path):
    """Most records of one day come hours late, but not the quick ones."""
    rows = [
        (at, at + timedelta(hours=3 * (at.day == 4 and n % 3 > 0), seconds=n % 60))
        for n, at in enumerate(moments())
    ]
    assert judged(settings, tmp_path, rows).days_off == ()


def test_an_end_of_day_file_is_marked_across_a_change_of_the_clock(settings, tmp_path):
    """23:59 in Chicago is 05:59 and 04:59 UTC; only the zone of the site makes it one time."""
    sites = tmp_path / "sites.csv"
    sites.write_text(
        "site,name,region,time_zone,wms_kind,calendar,posting_sla_h\n"
        "DC5,Five,C,America/Chicago,legacy,one,24\n"
    )
    ingest(settings, [sites], mapping="master_sites")
    utc_hours = [5] * 6 + [4] * 6  # the clocks change on 8 March 2026
    rows = [
        (START.replace(day=3, hour=hour, minute=59) + timedelta(days=n), None)
        for n, hour in enumerate(utc_hours)
        for _ in range(4)
    ]
    clock = judged(settings, tmp_path, rows, site="DC5")
    assert clock.is_batch and clock.batch_at == time(23, 59)
    assert clock.batch_share == 1.0
    assert clock.skew_s is None and clock.days_off == ()


def test_the_simulators_legacy_sites_and_no_others_are_marked(small_home):
    marked = {(clock.source, clock.site) for clock in clocks(Lake(small_home)) if clock.is_batch}
    mails_of_a_day = ("inspection_mail", "DC5")
    assert marked == {("wms_legacy", "DC4"), ("wms_legacy", "DC5"), mails_of_a_day}


def test_status_says_it_to_machines_and_to_people(settings, tmp_path):
    rows = [(at, at - timedelta(seconds=120)) for at in moments(days=1)]
    judged(settings, tmp_path, rows)
    database = engine(settings)
    with writing(database) as connection:
        message = Message("/dc1", "m1", "webhook", b"{}")
        store(connection, [message, message], now=START)
    database.dispose()
    runner = CliRunner()
    said = json.loads(runner.invoke(app, ["status", "--json", "--home", str(settings.home)]).stdout)
    assert said["balanced"] is True and said["messages"] == []
    assert said["inbox"] == [
        {
            "source": "/dc1",
            **{"received": 2, "stored": 1, "duplicate": 1, "differing": 0, "waiting": 1},
        }
    ]
    [clock] = said["clocks"]
    assert (clock["source"], clock["site"], clock["skew_s"]) == ("log", "DC1", 120)
    shown = runner.invoke(app, ["status", "--home", str(settings.home)])
    assert shown.exit_code == 0
