import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as tuned
from hypothesis import strategies as st

from ingestion.settings import Settings
from models import Scorer
from models.features import columns_of
from models.registry import CHAMPION, Registry
from models.scorer import ANSWERS
from models.tasks import TASKS, open_workshop

LINE = {
    "return_line_id": "R1:1",
    "site": "DC1",
    "sku": "X",
    "quantity": 2,
    "reason_declared": "QUALITY.DEFECTIVE",
    "condition": "FUNCTIONAL_DEFECT",
    "grade": "D",
    "note": "does not power on, fails test",
    "unit_price": 40.0,
}
ODD = st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=12), st.just([1]))


@pytest.fixture(scope="module")
def scorer(trained_home):
    return Scorer.load(trained_home / "models" / "champion")


def test_a_recommendation_holds_what_the_contract_says(scorer):
    [found] = scorer.score([LINE], as_of="2026-06-01T00:00:00Z")
    told = found.to_dict()
    assert told["return_line_id"] == "R1:1"
    assert set(told) - {"return_line_id", "as_of", "policy", "not_available"} == set(
        scorer.versions()
    )
    assert set(told["not_available"]) == set(ANSWERS) - set(scorer.versions())
    for question in ("reason", "disposition"):
        block = told[question]
        assert {"model", "version", "data_version", "options", "prediction_set"} <= set(block)
        assert {question, "probability"} <= set(block["options"][0])
    assert "expected_value" in told["disposition"]["options"][0]
    assert told["policy"]["route"] in {"auto", "review"}


def test_a_line_is_answered_the_same_alone_and_among_others(scorer):
    others = [{**LINE, "note": f"box torn by carrier {n}", "site": "DC5"} for n in range(20)]
    alone = scorer.score([LINE])[0].to_dict()
    among = scorer.score([*others, LINE, *others])[20].to_dict()
    assert alone == among


def test_the_scorer_answers_what_training_measured(scorer, trained_home):
    settings = Settings.load(trained_home)
    shop, registry = open_workshop(settings), Registry(settings)
    for name in ("reason", "disposition"):
        task = TASKS[name]
        material = task.material(shop)
        columns = material.take(material.slices.test[:40])
        model = task.load(registry.find(name, CHAMPION).folder)
        probability = task.answer(shop, model, columns)
        lines = [{field: values[row] for field, values in columns.items()} for row in range(40)]
        for row, told in enumerate(scorer.score(lines)):
            best = getattr(told, name).options[0]
            assert best.name == model.classes[int(probability[row].argmax())]
            assert best.probability == pytest.approx(probability[row].max(), abs=1e-9)
    registry.close()


@given(st.dictionaries(st.sampled_from([*LINE, "serial_match", "requested_at", "zzz"]), ODD))
@tuned(max_examples=60, deadline=None)
def test_no_payload_raises_and_every_answer_is_json(scorer, line):
    [found] = scorer.score([line])
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert told["policy"]["route"] == "review"


def test_an_absurd_price_or_quantity_never_gives_an_absurd_value(scorer):
    for odd in (
        {"unit_price": 1e300},
        {"quantity": 1e300},
        {"unit_price": 1e200, "quantity": 1e200},
    ):
        [found] = scorer.score([{**LINE, "condition": "NEW_SEALED", **odd}])
        told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
        values = [option.get("expected_value") or 0.0 for option in told["disposition"]["options"]]
        assert values and max(map(abs, values)) < 1e6


def test_lines_may_come_as_a_frame(scorer):
    import pandas as pd

    [found] = scorer.score(pd.DataFrame([LINE]))
    assert found.to_dict() == scorer.score([LINE])[0].to_dict()
    assert scorer.score([]) == []


def test_options_are_probabilities_and_the_recommended_one_is_plausible(scorer):
    for condition in ("NEW_SEALED", "BROKEN", "USED_WORN", "EXPIRED"):
        [found] = scorer.score([{**LINE, "condition": condition}])
        advice = found.disposition
        assert 0.5 < sum(option.probability for option in advice.options) <= 1.0 + 1e-9
        if not advice.abstained:
            assert advice.recommended in advice.prediction_set


def test_loading_the_scorer_leaves_training_and_mining_out_of_the_process(trained_home):
    code = (
        "import sys; from models import Scorer; "
        f"s = Scorer.load({str(trained_home / 'models' / 'champion')!r}); s.score([{{}}]); "
        "print([m for m in ('mlflow', 'torch', 'pm4py', 'sentence_transformers', 'transformers',"
        " 'duckdb', 'deltalake', 'mining') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_columns_are_read_once_and_missing_fields_are_none():
    assert columns_of([{"a": 1}, {}], ["a", "b"]) == {"a": [1, None], "b": [None, None]}
    assert np.array(columns_of([], ["a"])["a"]).size == 0
