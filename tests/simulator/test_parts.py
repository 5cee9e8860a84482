"""Parts of the simulator: calendars, stations, mappings, faults, scenarios, calibration."""

from datetime import date, datetime
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pytest
import simpy

from ingestion.mapping import shipped_mappings
from ingestion.simulator import simulate
from ingestion.simulator.catalogue import Catalogue
from ingestion.simulator.clock import DAY, HOUR, MINUTE, Calendar, utc_midnight
from ingestion.simulator.demand import daily_counts, return_lag_days, weekly_share, window_days
from ingestion.simulator.faults import BREAK_OF, Calamities, transposed
from ingestion.simulator.folder import OccupiedFolder, make_room
from ingestion.simulator.happenings import SCENARIOS, UnknownScenario
from ingestion.simulator.integration import Integration
from ingestion.simulator.native import erp, partners, wms, workflow
from ingestion.simulator.network import SITE_OF, SITES
from ingestion.simulator.recovery import Unit, alternatives, best, decided, probabilities
from ingestion.simulator.staffing import Station
from ingestion.vocabulary import Activity

EAST = ZoneInfo("America/New_York")


def calendar_of(hours: str, *, start: date, end: date) -> Calendar:
    opens, closes = hours.split("-")
    shifts = {day: ((opens, closes),) for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    return Calendar.of(shifts, zone=EAST, start=start, end=end)


def test_a_night_shift_over_the_clock_change_is_an_hour_short():
    calendar = calendar_of("00:00-08:00", start=date(2026, 3, 7), end=date(2026, 3, 10))
    lengths = [c - o for o, c in zip(calendar.opens, calendar.closes, strict=True)]
    assert [length / HOUR for length in lengths] == [8, 7, 8]


def test_work_stops_at_night_and_goes_on_in_the_morning():
    calendar = calendar_of("08:00-16:00", start=date(2026, 6, 1), end=date(2026, 6, 5))
    start = datetime(2026, 6, 1, 15, tzinfo=EAST).timestamp()
    assert calendar.after(start, 2 * HOUR) == datetime(2026, 6, 2, 9, tzinfo=EAST).timestamp()


def test_a_station_serves_the_urgent_first():
    env = simpy.Environment()
    calendar = Calendar([(0.0, DAY)])
    station = Station(env, name="x", people=["p"], calendar=calendar)
    done = []
    for name, urgency in (("slow", 5), ("late", 5), ("cold", 1)):
        station.work(60, urgency=urgency).callbacks.append(
            lambda event, name=name: done.append(name)
        )
    env.run(until=HOUR)
    assert done == ["cold", "slow", "late"]


def test_waiting_emerges_when_work_outgrows_the_people():
    env = simpy.Environment()
    station = Station(env, name="x", people=["p"], calendar=Calendar([(0.0, DAY)]))
    for _ in range(10):
        station.work(600)
    env.run(until=DAY)
    assert station.waited_s == sum(600 * n for n in range(10))


@pytest.mark.parametrize(
    ("mapping", "types"),
    [
        ("returns_workflow", workflow.TYPES),
        ("wms_modern", wms.MODERN_TYPES),
        ("wms_legacy", wms.LEGACY_TYPES),
        ("erp_credits", erp.CREDIT_KINDS),
        ("carrier_scans", partners.SCAN_CODES),
        ("supplier_portal", partners.CLAIM_STEPS),
        ("middleware_log", partners.MESSAGE_STEPS),
    ],
)
def test_mappings_translate_every_native_code_back(mapping, types):
    codes = next(one for one in shipped_mappings() if one.name == mapping).codes["activity"]
    assert {raw: codes[raw] for raw in types.values()} == {
        raw: Activity[code].value for code, raw in types.items()
    }


def test_every_movement_type_has_a_meaning():
    codes = next(m for m in shipped_mappings() if m.name == "erp_movements").codes["activity"]
    for code, raw in erp.MOVEMENT_TYPES.items():
        assert codes[raw] == Activity[code].value
    assert {codes[raw] for raw in erp.FOLLOW_UP_TYPES.values()} == {Activity.E02.value}


def test_simulated_sources_load_without_unknown_activities(small_home):
    from ingestion.lake import Lake

    con = Lake(small_home).connect()
    known = {activity.value for activity in Activity}
    seen = {row[0] for row in con.execute("select distinct activity from events").fetchall()}
    assert seen <= known
    quarantined, accepted = con.execute(
        "select sum(quarantined), sum(accepted) from deliveries"
    ).fetchone()
    assert 0 < quarantined < 0.002 * accepted
    for table in ("items", "sites", "suppliers", "customers", "order_lines", "contracts"):
        assert con.execute(f"select count(*) from {table}").fetchone()[0] > 0


def test_counts_by_day_add_up_and_are_overdispersed():
    days = window_days(date(2026, 1, 1), date(2026, 6, 30))
    counts = daily_counts(np.random.default_rng(1), days=days, lines=80_000)
    assert counts.sum() == 80_000
    expected = np.array([[weekly_share(site, day) for site in SITES] for day in days])
    expected *= 80_000 / expected.sum()
    assert ((counts - expected) ** 2 / expected).mean() > 5  # a Poisson process would give 1


def test_january_brings_more_returns_than_july_and_quarter_ends_load_dc4():
    dc1, dc4 = SITE_OF["DC1"], SITE_OF["DC4"]
    assert weekly_share(dc1, date(2026, 1, 12)) > 1.6 * weekly_share(dc1, date(2025, 7, 14))
    assert weekly_share(dc4, date(2026, 6, 22)) > 1.3 * weekly_share(dc4, date(2026, 6, 8))


def test_a_better_grade_never_lowers_the_best_value():
    catalogue = Catalogue(np.random.default_rng(1))
    for item in catalogue.items[::97]:
        tops = [
            max(alternatives(Unit(item, "CHOICE.UNWANTED", "USED_GOOD", grade, 1)).values())
            for grade in "BCD"
        ]
        assert tops == sorted(tops, reverse=True)


def test_decisions_follow_the_published_probabilities():
    item = next(i for i in Catalogue(np.random.default_rng(1)).items if i.price > 100)
    unit, site = Unit(item, "QUALITY.DEFECTIVE", "FUNCTIONAL_DEFECT", "C", 1), SITE_OF["DC5"]
    rng = Random(0)
    seen = [decided(rng, unit, site=site) for _ in range(4000)]
    for name, chance in probabilities(unit, site=site).items():
        # Standard error of a share from 4,000 draws is below .008.
        assert abs(seen.count(name) / 4000 - chance) < 0.03
    assert best(unit) in probabilities(unit, site=site)


def test_a_transposed_number_differs_in_two_neighbours():
    text = "R260012345"
    other = transposed(text, Random(1))
    assert sorted(other) == sorted(text)
    assert sum(a != b for a, b in zip(text, other, strict=True)) == 2


def test_outages_raise_the_fault_rate():
    calamities = Calamities(np.random.default_rng(1), start=date(2025, 1, 1), end=date(2026, 7, 1))
    site, windows = SITE_OF["DC1"], calamities.outages["DC1"]
    rng = Random(2)
    inside = windows[0][0] + 60
    before = windows[0][0] - 3600

    def share(moment):
        return np.mean(
            [
                calamities.fault_of(rng, site, code="E01", moment=moment) is not None
                for _ in range(4000)
            ]
        )

    assert share(inside) > 2 * share(before)


def test_faults_hang_together(sim_dir):
    """Faults of one bad file day or outage come together; independent ones would spread evenly."""
    con = duckdb.connect()
    twice = con.execute(
        f"select count(*) from read_csv('{sim_dir}/truth/faults.csv') where type = 'duplicate'"
    ).fetchone()[0]
    assert twice > 0
    assert set(BREAK_OF.values()) >= {f"B{n:02d}" for n in range(1, 16)}


def test_an_unknown_scenario_is_refused_by_name(tmp_path):
    with pytest.raises(UnknownScenario, match=r"'calm'.*baseline, peak, outage, drift"):
        simulate(tmp_path / "x", lines=10, scenario="calm")


def test_a_second_run_replaces_the_first_and_nothing_else(tmp_path):
    stale = tmp_path / "sources" / "mail" / "DC5" / "stale.eml"
    for path in (tmp_path / "notes.txt", tmp_path / "truth" / "lines.csv", stale):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    make_room(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_files_of_somebody_else_are_left_alone(tmp_path):
    other = tmp_path / "sources" / "ledger.csv"
    other.parent.mkdir()
    other.write_text("a,b")
    with pytest.raises(OccupiedFolder, match="empty folder"):
        simulate(tmp_path, lines=3)
    assert other.read_text() == "a,b"
    with pytest.raises(OccupiedFolder, match="is a file"):
        simulate(other, lines=3)


def marks(folder: Path) -> dict[str, float]:
    """What tells the scenarios apart: hours in queues a line, retries a line, OTHER by half."""
    con = duckdb.connect()
    con.execute("set timezone = 'UTC'")
    queued = con.execute(
        f"""select sum(hours) filter (cause in ('contention', 'unavailability'))
        / count(distinct case_id) from '{folder}/truth/waits.parquet'"""
    ).fetchone()[0]
    retries, lines = con.execute(
        f"""select count(*) filter (activity = 'M01T'), count(distinct case_id)
        from '{folder}/truth/events.parquet'"""
    ).fetchone()
    before, after = con.execute(
        f"""
        select avg((reason = 'OTHER')::int) filter (asked < changed),
               avg((reason = 'OTHER')::int) filter (asked >= changed)
        from (select declaredReason as reason, occurredAt::timestamptz as asked
              from read_json('{folder}/sources/workflow/*.jsonl.gz', columns={{type: 'varchar',
                  declaredReason: 'varchar', occurredAt: 'varchar'}})
              where type = 'return.requested'),
             (select "start"::timestamptz as changed
              from read_csv('{folder}/truth/happenings.csv') where kind = 'reason_list_change')
        """
    ).fetchone()
    return {"queued": queued, "retries": retries / lines, "before": before, "after": after}


@pytest.mark.slow
def test_each_scenario_shows_what_it_is_named_after(tmp_path):
    seen, starts = {}, {}
    for scenario in SCENARIOS:
        summary = simulate(tmp_path / scenario, lines=6000, scenario=scenario)
        assert summary.lines == 6000
        seen[scenario], starts[scenario] = marks(tmp_path / scenario), summary.start
    base = seen["baseline"]
    assert starts["peak"] > starts["baseline"] == starts["outage"] == starts["drift"]
    assert seen["peak"]["queued"] > 1.2 * base["queued"]
    assert seen["outage"]["retries"] > 1.4 * base["retries"]
    assert abs(base["after"] - base["before"]) < 0.03
    assert seen["drift"]["after"] > 2 * seen["drift"]["before"]


def test_return_lags_resemble_those_of_a_real_distributor(shared_data):
    """The real file: matched credit lines of goods of a British online distributor.

    Quantiles agree within a third at the median and within a half further out; the file counts
    from purchase to credit, the simulator from delivery to request, both dominated by the wait.
    """
    real = duckdb.sql(
        f"""select try_cast(lag_days as double) from
        read_csv('{shared_data}/retail/uci_derived_return_lines.csv.gz', all_varchar=true)
        where lag_days <> '' and non_goods = 'False'"""
    ).fetchall()
    real = np.array([row[0] for row in real])
    rng = Random(1)
    catalogue = Catalogue(np.random.default_rng(1))
    simulated = np.array([lag_of_a_line(rng, catalogue) for _ in range(6000)])
    for share, tolerance in ((0.25, 0.5), (0.5, 0.34), (0.75, 0.5), (0.9, 0.5)):
        ratio = np.quantile(simulated, share) / np.quantile(real, share)
        assert 1 - tolerance < ratio < 1 + tolerance, (share, ratio)


def lag_of_a_line(rng, catalogue) -> float:
    from ingestion.simulator.reasons import true_reason

    site = SITES[int(rng.random() * len(SITES))]
    segment = "B2B" if rng.random() < site.b2b_share else "B2C"
    family = list(site.families)[int(rng.random() * len(site.families))]
    item = catalogue.item_of(family, rng.random())
    mix = site.code if segment == "B2B" and site.legacy else segment
    reason = true_reason(rng, mix=mix, item=item)
    return return_lag_days(rng, reason=reason, segment=segment, item=item)


def test_the_credit_share_of_a_real_distributor_is_inside_the_published_range(shared_data):
    """Credit lines over all lines of goods: the rate the simulated volume stands for."""
    from ingestion.simulator.demand import B2B_RETURN_RATE

    path = shared_data / "retail" / "uci_online_retail_full.csv.gz"
    share = duckdb.sql(
        f"""select avg((InvoiceNo like 'C%')::int) from read_csv('{path}', all_varchar=true)
        where regexp_matches(StockCode, '^[0-9]{{5}}')"""
    ).fetchall()[0][0]
    assert 0.01 < share < 0.02
    assert pytest.approx(share, rel=0.05) == B2B_RETURN_RATE


def test_the_radio_of_dc3_fails_and_what_it_held_back_arrives_at_once():
    start, end = date(2026, 3, 1), date(2026, 6, 1)
    calm = Calamities(np.random.default_rng(1), start=start, end=end)
    between = Integration(np.random.default_rng(2), start=start, end=end, calamities=calm)
    moments = utc_midnight(start) + np.arange(0, 80 * DAY, 60.0)
    late = {}
    for code in ("DC1", "DC3"):
        site, rng = SITE_OF[code], Random(3)
        waits = np.array([between.recorded(site, float(t), rng) - t for t in moments])
        late[code] = waits > 3 * MINUTE
    assert late["DC1"].mean() < 0.004
    assert 0.01 < late["DC3"].mean() < 0.06
    assert (late["DC3"][1:] & late["DC3"][:-1]).sum() > 0.5 * late["DC3"].sum()  # in bursts
