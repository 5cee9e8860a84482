import numpy as np
import pytest

from models.answers import Source
from models.features import columns_of
from models.fit_reason import baselines, fit_reason
from models.reason import FIELDS, ReasonModel

SOURCE = Source("reason", "1", "events@0")


@pytest.fixture(scope="module")
def fitted(material_of, encoder, items):
    material = material_of("reason", "reason", FIELDS)
    model, _ = fit_reason(material, encoder, items)
    return model, material


@pytest.fixture(scope="module")
def advise(fitted, encoder, items):
    def ask(**line):
        model, _ = fitted
        inputs = model.inputs(columns_of([{"sku": "DRILL", **line}], FIELDS), encoder, items)
        [advice] = model.advise(inputs, SOURCE)
        return advice

    return ask


def test_a_planted_reason_is_found_again_where_the_declared_one_fails(fitted, encoder, items):
    model, material = fitted
    rows = material.slices.test
    probability = model.probabilities(model.inputs(material.take(rows), encoder, items))
    accuracy = np.mean(probability.argmax(axis=1) == material.label[rows])
    declared = baselines(material)["declared_reason"][rows].argmax(axis=1)
    assert accuracy > 0.97
    assert np.mean(declared == material.label[rows]) < 0.85


def test_words_never_seen_are_understood_by_their_meaning(advise):
    assert advise(note="unit stays dark, it is dead").options[0].name == "QUALITY.DOA"


def test_an_answer_names_what_spoke_for_it(advise):
    advice = advise(note="crushed by carrier", reason_declared="TRANSIT.DAMAGED")
    assert advice.recommended == "TRANSIT.DAMAGED"
    told = " ".join(because.text for because in advice.reasons)
    assert "declared reason TRANSIT.DAMAGED" in told or "note says" in told
    assert all(because.weight > 0 for because in advice.reasons)


def test_an_empty_note_is_less_certain_than_a_telling_one(advise):
    silent = advise(reason_declared="QUALITY.DOA")
    telling = advise(reason_declared="QUALITY.DOA", note="dead on arrival, no function")
    assert silent.confidence < telling.confidence


def test_another_language_makes_it_abstain(advise):
    advice = advise(note="Der Karton war beim Eintreffen vollkommen zerrissen und nass")
    assert advice.abstained
    assert "language" in advice.abstained_because
    assert advice.options


def test_unknown_codes_and_wrong_types_are_missing(advise):
    odd = advise(note=17, reason_declared="NO_SUCH", condition=["x"], sku=None)
    assert sum(option.probability for option in odd.options) == pytest.approx(1.0)


def test_a_saved_model_answers_the_same(fitted, encoder, items, tmp_path):
    model, material = fitted
    model.save(tmp_path)
    again = ReasonModel.load(tmp_path)
    inputs = model.inputs(material.take(material.slices.test), encoder, items)
    assert np.array_equal(model.probabilities(inputs), again.probabilities(inputs))
    assert not [path for path in tmp_path.iterdir() if path.suffix not in {".npz", ".json"}]
