"""Training material of one task: encoded columns, class labels, slices of time, naive baselines."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from models.arrays import Floats, Ints
from models.errors import NotEnoughHistory
from models.features import text
from models.splits import Slices, split

COVERAGE: Final = 0.9
CLASS_FROM: Final = 5
"""Lines of the fit slice a class needs; a rarer one is never predicted and counts as missed."""

LINES_NEEDED: Final = 200
LEANING: Final = 2.0
"""Lines' worth of trust a baseline gives to the less specific key."""

OUTSIDE: Final = -1
"""Label of a class that is not predicted."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Lines with known answers, oldest first.

    Parameters
    ----------
    columns : dict of lists
        Fields of each line, as a scoring request has them.
    label : array of shape (lines,)
        Index into ``classes``, or ``OUTSIDE``.
    case : array of shape (lines,)
        Number of the RMA a line belongs to: resampling takes whole RMAs.
    """

    columns: dict[str, list[Any]]
    classes: tuple[str, ...]
    label: Ints
    case: Ints
    slices: Slices

    def __len__(self) -> int:
        return len(self.label)

    def take(self, rows: Ints) -> dict[str, list[Any]]:
        """Columns of some rows."""
        return {name: [values[row] for row in rows] for name, values in self.columns.items()}

    def within(self, rows: Ints) -> Ints:
        """The rows whose class is predicted."""
        known: Ints = rows[self.label[rows] != OUTSIDE]
        return known

    def with_columns(self, columns: dict[str, list[Any]]) -> "Examples":
        """The same lines knowing something else."""
        return replace(self, columns=columns)


def examples(
    task: str, frame: pd.DataFrame, answers: pd.DataFrame, fields: Sequence[str]
) -> Examples:
    """Join snapshots and answers, split by time, number the classes of the fit slice.

    Raises
    ------
    NotEnoughHistory
        Fewer than ``LINES_NEEDED`` lines have an answer.
    """
    joined = frame.merge(answers, on="case_id", validate="one_to_one")
    if len(joined) < LINES_NEEDED:
        raise NotEnoughHistory(task, len(joined), LINES_NEEDED)
    slices = split(joined)
    answer = joined["answer"].astype(str).to_numpy()
    counts = Counter(answer[slices.fit].tolist())
    classes = tuple(sorted(name for name, n in counts.items() if n >= CLASS_FROM))
    place = {name: n for n, name in enumerate(classes)}
    blank: list[Any] = [None] * len(joined)
    columns = {
        name: plain(joined[name]) if name in joined.columns else list(blank) for name in fields
    }
    return Examples(
        columns=columns,
        classes=classes,
        label=np.array([place.get(name, OUTSIDE) for name in answer]),
        case=np.asarray(pd.factorize(joined["case_id"].str.rpartition(":")[0])[0]),
        slices=slices,
    )


def plain(values: "pd.Series[Any]") -> list[Any]:
    """Python values with None for missing, as JSON would bring them."""
    pairs = zip(values, values.isna(), strict=True)
    return [None if missing else value for value, missing in pairs]


def padded(probability: Floats, label: Ints) -> tuple[Floats, Ints]:
    """Add a class of probability zero that stands for every class not predicted."""
    extra = np.zeros((len(probability), 1))
    known = np.where(label == OUTSIDE, probability.shape[1], label)
    return np.hstack([probability, extra]), known


def masked(
    columns: dict[str, list[Any]], shares: dict[str, float], rng: np.random.Generator
) -> dict[str, list[Any]]:
    """Copy of the columns in which fields are blanked at random, as sparse requests lack them."""
    hidden = dict(columns)
    for name, share in shares.items():
        draws = rng.random(len(columns[name])) < share
        hidden[name] = [
            None if draw else value for value, draw in zip(columns[name], draws, strict=True)
        ]
    return hidden


def halves(rows: Ints) -> tuple[Ints, Ints]:
    """Alternate rows: one half calibrates probabilities, the other the prediction sets."""
    return rows[::2], rows[1::2]


def usual_shares(
    material: Examples, keys: Sequence[Callable[[dict[str, list[Any]], int], str | None]]
) -> Floats:
    """Naive baseline: class shares among the fit lines that share a key.

    Its choice is the most frequent class of the key; its shares lean towards those of the next
    key, and at last of everybody, as if ``LEANING`` lines had been seen there.

    Parameters
    ----------
    keys : functions of (columns, row), the most specific first

    Returns
    -------
    array of shape (lines, classes)
    """
    fit = material.within(material.slices.fit)
    counts = np.bincount(material.label[fit], minlength=len(material.classes)) + 1.0
    shares: Floats = np.tile(counts / counts.sum(), (len(material), 1))
    for key in reversed(keys):
        found = [key(material.columns, row) for row in range(len(material))]
        place = {name: n for n, name in enumerate(dict.fromkeys(found))}
        group = np.array([place[name] for name in found])
        table = np.zeros((len(place), len(material.classes)))
        np.add.at(table, (group[fit], material.label[fit]), 1.0)
        seen = table[group]
        shares = (seen + LEANING * shares) / (seen.sum(axis=1, keepdims=True) + LEANING)
    return shares


def value_of(name: str) -> Callable[[dict[str, list[Any]], int], str | None]:
    """Key function: the text of one column."""
    return lambda columns, row: text(columns[name][row]) or None


def pair_of(first: str, second: str) -> Callable[[dict[str, list[Any]], int], str | None]:
    """Key function: the texts of two columns."""
    return lambda columns, row: f"{text(columns[first][row])}|{text(columns[second][row])}"
