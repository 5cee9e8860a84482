import lightgbm as lgb
import numpy as np
import pytest

from models import metrics
from models.answers import Source
from models.disposition import FIELDS, DispositionModel
from models.examples import padded
from models.features import columns_of
from models.fit_disposition import baselines, fit_disposition

SOURCE = Source("disposition", "1", "events@0")


@pytest.fixture(scope="module")
def fitted(material_of, items):
    material = material_of("disposition", "fate", FIELDS, noise=0.1)
    model, _ = fit_disposition(material, items)
    return model, material


@pytest.fixture(scope="module")
def advise(fitted, items):
    def ask(**line):
        inputs = fitted[0].inputs(columns_of([{"sku": "DRILL", **line}], FIELDS), items)
        [advice] = fitted[0].advise(inputs, SOURCE)
        return advice

    return ask


def judged(fitted, items):
    model, material = fitted
    rows = material.slices.test
    probability = model.probabilities(model.inputs(material.take(rows), items))
    return padded(probability, material.label[rows])


def test_a_planted_rule_is_found_and_calibrated(fitted, items):
    probability, label = judged(fitted, items)
    found = metrics.scores(probability, label)
    assert found.accuracy > 0.85
    assert found.ece < metrics.chance_error(probability) + 0.05


def test_the_sets_keep_their_promise_on_later_lines(fitted, items):
    probability, label = judged(fitted, items)
    covered = fitted[0].sets.members(probability)[np.arange(len(label)), label].mean()
    # 135 test lines: standard error 0.026
    assert covered > 0.9 - 3 * 0.026


def test_trees_are_no_worse_than_the_table_that_holds_the_rule(fitted, items):
    probability, label = judged(fitted, items)
    rows = fitted[1].slices.test
    table = padded(baselines(fitted[1])["condition"][rows], fitted[1].label[rows])
    loss, plain = metrics.losses(probability, label), metrics.losses(*table)
    assert metrics.paired_gain(loss, plain, fitted[1].case[rows]).high > -0.05


def test_contributions_of_one_class_equal_those_of_the_whole_model(fitted, items):
    model, material = fitted
    rows = model.inputs(material.take(material.slices.test[:20]), items).rows
    whole = lgb.Booster(model_str=model.trees.text).predict(rows, pred_contrib=True)
    whole = whole.reshape(20, len(model.classes), -1)
    for chosen in range(len(model.classes)):
        ours = model.trees.contributions(rows, chosen)
        assert np.allclose(ours, whole[:, chosen, :-1], atol=1e-12)


def test_the_reason_given_is_the_planted_one(advise):
    advice = advise(condition="BROKEN", site="DC1", quantity=1, unit_price=80)
    assert advice.recommended == "SCRAP"
    assert advice.reasons[0].text == "condition BROKEN"


def test_a_line_without_inspection_gets_options_but_no_recommendation(advise):
    for line in ({}, {"condition": None}, {"condition": "NEVER_HEARD_OF"}):
        advice = advise(**line)
        assert advice.abstained
        assert len(advice.options) == 3


def test_without_price_and_item_there_is_no_expected_value_but_an_answer(advise):
    advice = advise(condition="NEW_SEALED", quantity=None)
    assert advice.recommended == "RESTOCK"
    assert all(option.expected_value is None for option in advice.options)


def test_a_saved_model_answers_the_same(fitted, items, tmp_path):
    model, material = fitted
    model.save(tmp_path)
    inputs = model.inputs(material.take(material.slices.test), items)
    again = DispositionModel.load(tmp_path)
    assert np.array_equal(model.probabilities(inputs), again.probabilities(inputs))
