from datetime import timedelta

import numpy as np
import pytest

from models import metrics
from models.answers import Source
from models.features import columns_of
from models.fit_remaining_time import fit_remaining_time
from models.judgement import judge_durations
from models.points import points
from models.remaining_time import FIELDS, TASK, RemainingTimeModel

SOURCE = Source(TASK, "1", "events@0")


@pytest.fixture(scope="module")
def history(lake_of):
    """Lines that take two days at DC1 and ten at DC2 from receipt to close, give or take."""
    rng = np.random.default_rng(5)
    rows = []
    for n in range(500):
        site, days = ("DC1", 2.0) if n % 2 else ("DC2", 10.0)
        begun, case = 3.0 * n, f"R{n}:1"
        took = 24 * days * rng.lognormal(0, 0.15)
        rows += [
            (case, "Request return", begun, {"site": site, "sku": "DRILL"}),
            (case, "Receive", begun + 48, {"site": site, "sku": "DRILL"}),
            (case, "Finish inspection", begun + 48 + took / 2, {"condition": "NEW_SEALED"}),
        ]
        if n < 480:
            rows.append((case, "Close return", begun + 48 + took, {}))
    return lake_of(*rows)


@pytest.fixture(scope="module")
def fitted(history, items):
    material = points(history, TASK, FIELDS)
    return fit_remaining_time(material, items)[0], material


@pytest.fixture(scope="module")
def shop(items):
    class Shop:
        pass

    shop = Shop()
    shop.items = items
    return shop


@pytest.fixture(scope="module")
def ask(fitted, items):
    def advise(**line):
        inputs = fitted[0].inputs(columns_of([{"sku": "DRILL", **line}], FIELDS), items)
        [told] = fitted[0].advise(inputs, SOURCE)
        return told

    return advise


def test_a_planted_slow_site_is_found_and_the_median_beaten(fitted, shop):
    verdict = judge_durations(shop, *fitted)
    assert verdict.scores.mae < 0.6 * verdict.baselines["median_by_last_activity"].mae
    plain = verdict.baseline_losses["median_by_last_activity"]
    cases = fitted[1].case[fitted[1].slices.test]
    assert metrics.paired_gain(verdict.losses, plain, cases).low > 0


def test_the_interval_keeps_its_promise_on_later_lines(fitted, shop):
    # about 270 points of 75 lines: standard error of a share near 0.9 is about 0.03
    assert judge_durations(shop, *fitted).coverage > 0.9 - 3 * 0.03


def test_an_open_line_teaches_nothing_but_is_not_a_zero(fitted):
    _, material = fitted
    used = np.concatenate([getattr(material.slices, name) for name in ("fit", "tune", "test")])
    assert not np.isnan(material.days[used]).any()
    assert np.isnan(material.days).any()
    assert (material.weight >= 1.0).all()


def test_a_line_at_the_slow_site_takes_longer(ask):
    line = {"requested_at": "2026-03-02T00:00:00Z", "received_at": "2026-03-04T00:00:00Z"}
    fast = ask(**line, site="DC1", as_of="2026-03-04T00:00:00Z")
    slow = ask(**line, site="DC2", as_of="2026-03-04T00:00:00Z")
    assert fast.p50 < 4
    assert slow.p50 > 7
    assert slow.low <= slow.p50 <= slow.high
    assert slow.baseline == fast.baseline


def test_without_a_moment_or_an_activity_it_abstains(ask):
    assert "as_of" in ask(last_activity="Receive").abstained_because
    assert "last activity" in ask(as_of="2026-03-04T00:00:00Z").abstained_because
    assert ask(last_activity="Never heard", as_of="2026-03-04").p50 is None


def test_a_point_never_lies_after_the_end(fitted):
    assert np.nanmin(fitted[1].days) >= 0


def test_what_comes_later_does_not_change_a_point(history, lake_of):
    from models.points import take_points

    whole = take_points(history)
    cut = whole["asked_at"].min() + timedelta(days=20)
    early = take_points(history, until=cut)
    assert (early["last_activity_at"] <= cut).all()


def test_a_saved_model_answers_the_same(fitted, items, tmp_path):
    model, material = fitted
    model.save(tmp_path)
    inputs = model.inputs(material.take(material.slices.test), items)
    again = RemainingTimeModel.load(tmp_path)
    assert np.array_equal(model.log_days(inputs), again.log_days(inputs))
    assert np.array_equal(model.radius(inputs), again.radius(inputs))
