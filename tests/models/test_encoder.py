import numpy as np
import pytest

from models.encoder_export import PROBES, encoder_folder, weights_folder


def test_a_note_has_one_vector_whatever_its_neighbours(encoder):
    notes = ["box torn", "does not power on, dead on arrival", "x" * 300, "box torn"]
    together = encoder.encode(notes)
    alone = np.vstack([encoder.encode([note]) for note in notes])
    assert np.array_equal(together, alone)
    assert np.array_equal(together[0], together[3])


def test_vectors_have_unit_length_and_an_empty_note_has_none(encoder):
    vectors = encoder.encode(["wrong item", "", "   "])
    assert np.isclose(np.linalg.norm(vectors[0]), 1.0, atol=1e-3)
    assert not vectors[1:].any()


def test_meaning_is_nearer_than_wording(encoder):
    dead, silent, mind = encoder.encode(
        ["does not power on", "unit is dead, will not start", "customer changed her mind"]
    )
    assert dead @ silent > dead @ mind + 0.1


def test_a_very_long_note_is_cut_not_refused(encoder):
    assert encoder.encode(["carton " * 5_000]).shape == (1, encoder.width)


@pytest.mark.slow
def test_int8_agrees_with_torch(encoder):
    from sentence_transformers import SentenceTransformer

    exact = SentenceTransformer(str(weights_folder()), device="cpu", local_files_only=True)
    expected = exact.encode(list(PROBES), normalize_embeddings=True, show_progress_bar=False)
    assert np.min(np.sum(encoder.encode(PROBES) * expected, axis=1)) > 0.97


def test_the_export_is_kept(encoder):
    assert encoder_folder() == encoder_folder()
