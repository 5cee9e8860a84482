import pickle
import shutil

import numpy as np
import pytest

from models.bundle import MANIFEST, Entry, open_bundle, write_bundle
from models.errors import BrokenBundle, NoModel
from models.files import read_arrays, read_json, write_json

ENTRY = Entry("reason", "1", "run", "events@0", ("note",))


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was executed",))


def written(tmp_path, *, content="{}", models="models"):
    parts = tmp_path / f"parts-{len(content)}"
    write_json(parts / "reason" / "model.json", content)
    return write_bundle(tmp_path / models, "champion", parts, {"reason": ENTRY})


def test_a_bundle_opens_with_what_was_written(tmp_path):
    bundle = open_bundle(written(tmp_path))
    assert bundle.entries == {"reason": ENTRY}
    assert (bundle.folder / "reason" / "model.json").is_file()


def test_a_changed_byte_is_refused(tmp_path):
    place = written(tmp_path)
    (place / "reason" / "model.json").write_text("[]")
    with pytest.raises(BrokenBundle, match=r"model\.json was changed"):
        open_bundle(place)


def test_a_missing_and_an_added_file_are_refused(tmp_path):
    place = written(tmp_path)
    (place / "extra.json").write_text("{}")
    with pytest.raises(BrokenBundle, match=r"extra\.json is not listed"):
        open_bundle(place)
    (place / "extra.json").unlink()
    (place / "reason" / "model.json").unlink()
    with pytest.raises(BrokenBundle, match="is missing"):
        open_bundle(place)


def test_a_pickle_is_refused_even_when_its_hash_is_listed(tmp_path):
    place = written(tmp_path)
    (place / "model.pkl").write_bytes(pickle.dumps(Bomb()))
    manifest = read_json(place / MANIFEST)
    manifest["files"]["model.pkl"] = "0" * 64
    write_json(place / MANIFEST, manifest)
    with pytest.raises(BrokenBundle, match="may be made of"):
        open_bundle(place)


def test_a_pickle_is_refused_when_writing_and_inside_arrays(tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "model.pkl").write_bytes(b"x")
    with pytest.raises(BrokenBundle):
        write_bundle(tmp_path / "models", "champion", tmp_path / "parts", {})
    np.savez(tmp_path / "trap.npz", trap=np.array([Bomb()], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        read_arrays(tmp_path / "trap.npz")


def test_a_path_out_of_the_bundle_is_refused(tmp_path):
    place = written(tmp_path)
    manifest = read_json(place / MANIFEST)
    manifest["files"]["../../secret.json"] = "0" * 64
    write_json(place / MANIFEST, manifest)
    with pytest.raises(BrokenBundle, match="may be made of"):
        open_bundle(place)


def test_promotion_keeps_the_one_before_and_drops_older_ones(tmp_path):
    for content in ("a", "ab", "abc"):
        place = written(tmp_path, content=content)
    assert read_json(place / "reason" / "model.json") == "abc"
    assert read_json(tmp_path / "models" / "previous" / "reason" / "model.json") == "ab"
    assert len(list((tmp_path / "models" / "bundles").iterdir())) == 2


def test_a_copied_home_can_be_promoted_into(tmp_path):
    written(tmp_path)
    shutil.copytree(tmp_path / "models", tmp_path / "copy")
    place = written(tmp_path, content="new", models="copy")
    assert read_json(place / "reason" / "model.json") == "new"


def test_no_bundle_says_what_to_do(tmp_path):
    with pytest.raises(NoModel, match="retrace train"):
        open_bundle(tmp_path / "champion")
