"""Bottlenecks name the place, the cause, the owner and the money."""

import json

import pandas as pd
import pytest

from mining import bottlenecks, load
from mining.instances import activity_instances
from mining.offduty import duty_rosters

MONDAY = pd.Timestamp("2026-03-02T08:00", tz="UTC")


def people(*rows):
    """``(case, activity, actor, hour)`` per row; an actor in capitals is a system."""
    frame = pd.DataFrame(rows, columns=["case_id", "activity", "actor", "hour"])
    frame["occurred_at"] = MONDAY + pd.to_timedelta(frame.pop("hour"), unit="h")
    frame["actor_type"] = ["system" if name.isupper() else "human" for name in frame["actor"]]
    return frame.assign(site="DC1", sku="S1", quantity=2.0)


def row(found, activity, cause):
    frame = found.frame
    [said] = frame[(frame["activity"] == activity) & (frame["cause"] == cause)].to_dict("records")
    return said


def test_one_inspector_is_contention_and_ranked_by_money():
    rows = []
    for n in range(20):
        rows += [(f"c{n}", "Receive", f"r{n}", 0), (f"c{n}", "Finish inspection", "bob", n + 1)]
    log = load(people(*rows))
    log.engine.create_as("item_costs", "select 'S1' as sku, 50.0 as std_cost")
    found = bottlenecks(log)
    said = row(found, "Finish inspection", "contention")
    assert (said["owner"], said["site"], said["steps"]) == ("site", "DC1", 20)
    assert said["wait_h"] > 5
    assert found.frame["money_per_day"].is_monotonic_decreasing
    assert said["money_per_day"] > 0
    assert list(found.to_dict()["bottlenecks"][0]) == [
        "site",
        "activity",
        "cause",
        "owner",
        "wait_h",
        "money_per_day",
    ]
    json.dumps(found.to_dict(), allow_nan=False)


def test_a_nightly_system_run_is_batching_of_its_owner():
    rows = []
    for day in range(6):
        for n in range(4):
            case = f"c{day}-{n}"
            rows += [
                (case, "Receive", f"r{case}", 24 * day + n),
                (case, "Post goods receipt", "ERP", 24 * day + 15 + n / 60),
            ]
    said = row(bottlenecks(load(people(*rows))), "Post goods receipt", "batching")
    assert said["owner"] == "integration"
    assert said["wait_h"] == pytest.approx(13.5, abs=0.1)


def test_what_outsiders_take_is_external_and_shared_services_have_no_site():
    rows = [
        ("c", "Issue label", "RULES", 0),
        ("c", "First carrier scan", "UPS", 30),
        ("c", "Deliver to dock", "UPS", 80),
        ("c", "Receive", "ann", 81),
        ("c", "Approve credit", "dan", 90),
    ]
    found = bottlenecks(load(people(*rows)))
    assert row(found, "First carrier scan", "external")["owner"] == "customer"
    assert row(found, "Deliver to dock", "external")["wait_h"] == 50
    assert row(found, "Approve credit", "extraneous")["site"] is None


def test_a_logged_start_is_kept_and_a_missing_one_estimated():
    log = load(
        people(
            ("a", "Receive", "ann", 0),
            ("a", "Start inspection", "bob", 2),
            ("a", "Finish inspection", "bob", 3),
            ("b", "Receive", "ann", 0.5),
            ("b", "Finish inspection", "bob", 3.25),
        )
    )
    where = {name: value for name, value in log.slice().items() if "month" not in name}
    work = activity_instances(log, where).set_index(["case_id", "activity"])
    assert "Start inspection" not in work.index.get_level_values(1)
    start = (work["start_us"] - log.as_of_us) / 3_600e6 + 3.25
    assert start["a", "Finish inspection"] == pytest.approx(2)
    assert start["b", "Finish inspection"] == pytest.approx(3)


def test_offices_are_off_duty_in_the_hours_the_log_never_shows_them():
    rows = []
    for day in range(5):
        for hour in range(8):
            rows += [
                (f"c{day}-{hour}", "Receive", "ann", 24 * day),
                (f"c{day}-{hour}", "Approve credit", "dan", 24 * day + hour + 0.5),
            ]
    log = load(people(*rows))
    where = {name: value for name, value in log.slice().items() if "month" not in name}
    work = activity_instances(log, where).assign(owner="finance")
    rosters = duty_rosters(work, {})
    begins = int(MONDAY.timestamp()) * 1_000_000
    off = rosters.off_duty("dan", begins, begins + 24 * 3_600_000_000)
    assert (off[:, 1] - off[:, 0]).sum() == 16 * 3_600_000_000


def test_a_log_without_people_has_no_bottleneck(log_of):
    assert bottlenecks(load(log_of("a"))).to_dict() == {"bottlenecks": []}


def nightly_runs(per_day, days=6):
    """Receipts an hour apart, posted by one run in the evening."""
    rows = []
    for day in range(days):
        for n in range(per_day):
            case = f"c{day}-{n}"
            rows += [
                (case, "Receive", f"r{case}", 24 * day + n),
                (case, "Post goods receipt", "ERP", 24 * day + per_day + 4 + n / 600),
            ]
    return load(people(*rows))


def test_batches_of_half_the_size_wait_half_as_long_to_fill():
    [cut] = bottlenecks(nightly_runs(per_day=8)).what_if(4).to_dict("records")
    assert (cut["activity"], cut["batches"], cut["steps"], cut["size"]) == (
        "Post goods receipt",
        6,
        48,
        8,
    )
    # Now: ready at hours 0 to 7, posted at 12. Cut: each four wait for the fourth.
    assert cut["wait_h"] == pytest.approx(12 - 3.5, abs=0.02)
    assert cut["wait_h_then"] == pytest.approx((3 + 2 + 1 + 0) / 4, abs=0.02)


def test_smaller_batches_never_cost_and_larger_ones_than_seen_change_nothing():
    found = bottlenecks(nightly_runs(per_day=8))
    saved = [found.what_if(size)["saved_per_day"].sum() for size in (1, 2, 4, 8)]
    assert saved == sorted(saved, reverse=True)
    assert found.what_if(9)["saved_per_day"].sum() == 0
    assert found.what_if(9)["wait_h"].tolist() == found.what_if(9)["wait_h_then"].tolist()


def test_the_what_if_states_its_assumption_and_leaves_the_contract_alone():
    found = bottlenecks(nightly_runs(per_day=8))
    answer = found.to_dict(what_if=4)
    assert answer["bottlenecks"] == found.to_dict()["bottlenecks"]
    assert answer["what_if"][0]["wait_h_then"] < answer["what_if"][0]["wait_h"]
    assert "cut" in answer["assumption"]
    json.dumps(answer, allow_nan=False)
