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
        return rows[self.label[rows] != OUTSIDE]

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
        name: _plain(joined[name]) if name in joined.columns else list(blank) for name in fields
    }
    return Examples(
        columns=columns,
        classes=classes,
        label=np.array([place.get(name, OUTSIDE) for name in answer]),
        case=np.asarray(pd.factorize(joined["case_id"].str.rpartition(":")[0])[0]),
        slices=slices,
    )


def _plain(values: "pd.Series[Any]") -> list[Any]:
    """Python values with None for missing, as JSON would bring them."""
    return [None if missing else value for value, missing in zip(values, values.isna(), strict=True)]


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


def most_frequent(
    material: Examples, keys: Sequence[Callable[[dict[str, list[Any]], int], str | None]]
) -> Ints:
    """Naive baseline: the most frequent class among fit lines that share a key.

    Parameters
    ----------
    keys : functions of (columns, row), the most specific first
        A key unseen in the fit slice falls back to the next, at last to the majority.

    Returns
    -------
    array of shape (lines,)
        Chosen class index of every line.
    """
    fit = material.within(material.slices.fit)
    tables: list[dict[str | None, Counter[int]]] = []
    for key in keys:
        table: dict[str | None, Counter[int]] = {}
        for row in fit:
            table.setdefault(key(material.columns, int(row)), Counter())[
                int(material.label[row])
            ] += 1
        tables.append(table)
    majority = Counter(material.label[fit].tolist()).most_common(1)[0][0]
    chosen = np.full(len(material), majority)
    for row in range(len(material)):
        for key, table in zip(keys, tables, strict=True):
            found = table.get(key(material.columns, row))
            if found:
                chosen[row] = found.most_common(1)[0][0]
                break
    return chosen


def value_of(name: str) -> Callable[[dict[str, list[Any]], int], str | None]:
    """Key function: the text of one column."""
    return lambda columns, row: text(columns[name][row]) or None


def pair_of(first: str, second: str) -> Callable[[dict[str, list[Any]], int], str | None]:
    """Key function: the texts of two columns."""
    return lambda columns, row: f"{text(columns[first][row])}|{text(columns[second][row])}"
