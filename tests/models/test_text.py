import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.text import clean, learn_terms, terms


def test_terms_are_words_pairs_of_words_and_letters_inside_words():
    cut = terms("Wrng itm")
    assert {"w:wrng", "w:itm", "w:wrng itm", "c: wr", "c:wrng", "c:tm "} <= set(cut)
    assert not any("g i" in term for term in cut if term.startswith("c:"))


@given(st.text(max_size=200))
def test_any_text_can_be_cut_and_cleaned(note):
    assert isinstance(terms(clean(note)), list)


def test_rows_have_unit_length_and_do_not_depend_on_other_rows():
    learnt = learn_terms(["box torn", "box wet", "torn label"] * 3, at_least=2)
    alone = learnt.weigh(["box torn"]).toarray()
    among = learnt.weigh(["label", "box torn", ""]).toarray()
    assert np.allclose(alone[0], among[1])
    assert np.isclose(np.linalg.norm(alone[0]), 1.0)
    assert not among[2].any()


def test_a_note_in_another_language_is_unfamiliar():
    learnt = learn_terms(["box torn by carrier, unit ok"] * 5, at_least=2)
    assert learnt.familiar_share("carrier torn unit box") == 1.0
    assert learnt.familiar_share("Karton beim Transport komplett zerrissen") < 0.4
    assert learnt.familiar_share("kaputt") == 1.0
