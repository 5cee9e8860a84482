"""What-if simulation: queues as queueing theory has them, and the log's own cycle times again."""

import json

import numpy as np
import pandas as pd
import pytest

from mining import load
from mining.queueing import Queueing, run_queues
from mining.simulation import UnknownPost, WhatIf, simulate_what_if
from mining.workload import NoWork, measure_work

HOUR = 3_600_000_000
ALWAYS = np.array([[0, 10**15]])


def run(arrivals, work, *, people=1, spells=ALWAYS):
    count = len(arrivals)
    return run_queues(
        Queueing(
            before=np.full(count, -1),
            ready_us=np.asarray(arrivals, np.int64),
            delay_us=np.zeros(count, np.int64),
            work_us=np.asarray(work, np.int64),
            pool=np.zeros(count, np.int64),
            spells=[spells] * people,
            pool_of=np.zeros(people, np.int64),
        )
    )


def test_one_queue_follows_lindleys_recursion():
    random = np.random.default_rng(1)
    arrivals = np.cumsum(random.integers(1, 2 * HOUR, 300))
    work = random.integers(1, int(1.8 * HOUR), 300)
    free, expected = 0, []
    for came, took in zip(arrivals, work, strict=True):
        free = max(free, came) + took
        expected.append(free)
    assert run(arrivals, work).tolist() == expected


def test_waits_are_those_of_the_erlang_c_formula():
    """M/M/2 at 80 %: mean wait = C(2, 1.6) / (2 mu - lambda)."""
    random = np.random.default_rng(2)
    count, rate, served = 60_000, 1.6, 1.0
    arrivals = np.cumsum(random.exponential(HOUR / rate, count)).astype(np.int64)
    work = random.exponential(HOUR / served, count).astype(np.int64)
    waits = (run(arrivals, work, people=2) - arrivals - work) / HOUR
    load_ = rate / served
    busy = load_**2 / 2 * 2 / (2 - load_)
    erlang_c = busy / (1 + load_ + busy)
    # 60,000 correlated waits: their mean is within a tenth of the theory's.
    assert waits.mean() == pytest.approx(erlang_c / (2 * served - rate), rel=0.1)


def test_work_stops_with_the_shift_and_goes_on_with_the_next():
    shifts = np.array([[0, 8 * HOUR], [24 * HOUR, 32 * HOUR]])
    done = run([7 * HOUR], [2 * HOUR], spells=shifts)
    assert done.tolist() == [25 * HOUR]


def test_a_second_person_never_makes_anything_later():
    random = np.random.default_rng(3)
    arrivals = np.cumsum(random.integers(1, HOUR, 200))
    work = np.full(200, HOUR)
    assert (run(arrivals, work, people=2) <= run(arrivals, work)).all()


@pytest.fixture(scope="module")
def simulated(small_home):
    change = WhatIf({("DC2", "Execute disposition"): 1}, batch_size=8)
    return simulate_what_if(load(small_home), change, replications=8)


def test_the_process_as_it_is_comes_out_as_observed_on_lines_not_used_to_fit(simulated):
    check = simulated.check.set_index("site")
    assert set(check.index) == {"all", "DC1", "DC2", "DC3", "DC4", "DC5"}
    assert check.loc["all", "inside"]
    # Five intervals of 95 % miss two or more times in 2 % of cases.
    assert check.drop("all")["inside"].sum() >= 4
    off = (check["simulated_h"] / check["observed_h"] - 1).abs()
    assert off["all"] < 0.1
    assert off.max() < 0.2


def test_smaller_batches_and_more_people_shorten_the_cycle(simulated):
    sites = simulated.frame.set_index("site")
    assert (sites["change_h"] < 0).all()
    assert (sites["low_h"] <= sites["change_h"]).all()
    assert (sites["change_h"] <= sites["high_h"]).all()
    assert (sites["saved_per_day"] > 0).all()
    json.dumps(simulated.to_dict(), allow_nan=False)


def test_a_higher_approval_limit_saves_only_where_it_frees_a_credit(small_home):
    log = load(small_home)
    none, some = (
        simulate_what_if(log, WhatIf(approval_limit=limit), replications=2).frame.set_index("site")
        for limit in (0.0, 1e9)
    )
    assert none["change_h"].abs().max() == 0
    assert some.loc["all", "change_h"] < 0


def test_the_same_seed_gives_the_same_answer(small_home):
    log = load(small_home)
    one, other = (
        simulate_what_if(log, WhatIf(batch_size=4), replications=2, seed=5) for _ in range(2)
    )
    pd.testing.assert_frame_equal(one.frame, other.frame)
    pd.testing.assert_frame_equal(one.check, other.check)


def test_staff_for_a_post_nobody_holds_is_refused_with_those_that_exist(small_home):
    with pytest.raises(UnknownPost, match="Finish inspection"):
        simulate_what_if(load(small_home), WhatIf({("DC1", "Levitate"): 1}), replications=2)


def test_a_log_without_people_has_no_queue_to_simulate(log_of):
    with pytest.raises(NoWork):
        measure_work(load(log_of("a +1 b")))
