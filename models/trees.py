"""LightGBM boosters kept as text, and the part of them that explains one class.

Contributions of all classes cost a hundred times a prediction (PITFALLS L14). The trees of one
class are a booster of their own, so only the chosen class is explained: same numbers, one
``classes``-th of the time.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import lightgbm as lgb
import numpy as np

from models.arrays import Floats

_TREE = re.compile(r"^Tree=\d+$", re.MULTILINE)
_THREADS_FROM = 256


@dataclass(frozen=True, slots=True)
class Trees:
    """A multiclass booster and one booster per class made of its trees."""

    text: str
    classes: int
    _whole: lgb.Booster = field(repr=False)
    _parts: dict[int, lgb.Booster] = field(repr=False, default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> "Trees":
        """Read LightGBM text."""
        return cls.parse(path.read_text(encoding="utf-8"))

    @classmethod
    def parse(cls, model: str) -> "Trees":
        """Make boosters from LightGBM text."""
        whole = lgb.Booster(model_str=model)
        return cls(model, whole.num_model_per_iteration(), whole)

    def predict(self, rows: Floats) -> Floats:
        """Probabilities of shape (rows, classes), or values of shape (rows,)."""
        threads = 1 if len(rows) < _THREADS_FROM else 0
        return np.asarray(self._whole.predict(rows, num_threads=threads))

    def contributions(self, rows: Floats, chosen: int) -> Floats:
        """What each feature added to the raw score of a class, shape (rows, features)."""
        if chosen not in self._parts:
            self._parts[chosen] = _part(self.text, self.classes, chosen)
        threads = 1 if len(rows) < _THREADS_FROM else 0
        explained = self._parts[chosen].predict(rows, pred_contrib=True, num_threads=threads)
        return np.asarray(explained)[:, :-1]


def _part(model: str, classes: int, chosen: int) -> lgb.Booster:
    """Booster of the trees ``chosen, chosen + classes, ...`` of a multiclass model."""
    header, *rest = _TREE.split(model)
    trees, _, _ = "".join(rest[-1:]).partition("end of trees")
    blocks = [*rest[:-1], trees]
    kept = [f"Tree={n}{block}" for n, block in enumerate(blocks[chosen::classes])]
    settled = {
        "num_class": "1",
        "num_tree_per_iteration": "1",
        "objective": "regression",
        "tree_sizes": " ".join(str(len(block.encode())) for block in kept),
    }
    keys = [(line, line.partition("=")[0]) for line in header.splitlines()]
    lines = [f"{key}={settled[key]}" if key in settled else line for line, key in keys]
    text = "\n".join(lines) + "\n\n" + "".join(kept) + "end of trees\n"
    return lgb.Booster(model_str=text)
