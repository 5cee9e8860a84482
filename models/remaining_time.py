"""How many days an open return line still takes: boosted trees on its prefix, with an interval.

Trees are fitted to absolute error on log days. The interval is conformal on the same scale, per
last activity where that has enough history, so it is wide early and narrow late.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from models.answers import Because, Source, strongest
from models.arrays import Floats
from models.features import (
    Columns,
    Feature,
    Vocabulary,
    attributes,
    fields_of,
    matrix,
    measure,
    text,
)
from models.files import read_json, write_json
from models.items import Items
from models.trees import Trees

TASK: Final = "remaining_time"
_CODES: Final = {
    "last_activity": "last activity",
    "site": "site",
    "policy": "returns policy",
    "channel": "channel",
    "carrier": "carrier",
    "condition": "condition",
    "resolution_requested": "requested resolution",
}
FEATURES: Final[tuple[Feature, ...]] = (
    *(Feature(name, (name,), words, code=True) for name, words in _CODES.items()),
    Feature("family", (), "product family", code=True),
    Feature("days_alive", ("begun_at", "as_of"), "days since the return began"),
    Feature("days_waiting", ("last_activity_at", "as_of"), "days since the last activity"),
    Feature("events_so_far", ("events_so_far",), "events so far"),
    Feature("weekday", ("as_of",), "weekday"),
    Feature("hour", ("as_of",), "hour of day (UTC)"),
    Feature("day_of_month", ("as_of",), "day of the month"),
    Feature("value", ("quantity", "unit_price"), "line value"),
)
FIELDS: Final = (*fields_of(FEATURES), "family", "requested_at", "received_at", "inspected_at")
_TOLD_BY: Final = (
    ("inspected_at", "Finish inspection"),
    ("received_at", "Receive"),
    ("requested_at", "Request return"),
)
LONGEST_DAYS: Final = 3_650.0


@dataclass(frozen=True, slots=True)
class Duration:
    """Days a line still takes, or why that cannot be said.

    Parameters
    ----------
    p50, low, high, baseline : float or None, days
        ``[low, high]`` holds the truth with probability ``coverage``; ``baseline`` is the median
        of lines at the same last activity.
    """

    p50: float | None
    low: float | None
    high: float | None
    baseline: float | None
    coverage: float
    abstained_because: str | None
    reasons: tuple[Because, ...]
    source: Source

    @property
    def question(self) -> str:
        return TASK

    @property
    def abstained(self) -> bool:
        return self.abstained_because is not None

    def to_dict(self) -> dict[str, Any]:
        """Render as a block of the HTTP answer."""
        days = {"p50": self.p50, "low": self.low, "high": self.high, "baseline": self.baseline}
        return {
            **{name: None if value is None else round(value, 2) for name, value in days.items()},
            "unit": "days",
            "coverage": self.coverage,
            "abstained": self.abstained,
            "abstained_because": self.abstained_because,
            "reasons": [{"text": b.text, "weight": round(b.weight, 4)} for b in self.reasons],
            "model": self.source.model,
            "version": self.source.version,
            "data_version": self.source.data_version,
        }


@dataclass(frozen=True, slots=True)
class RemainingTimeModel:
    """Trees on log days, interval radii and baseline medians by last activity (``""``: all)."""

    features: tuple[Feature, ...]
    vocabulary: Vocabulary
    trees: Trees
    radii: Mapping[str, float]
    medians: Mapping[str, float]
    coverage: float

    def inputs(self, columns: Columns, items: Items) -> "Inputs":
        """Fill in what follows from the times given, join item attributes, encode."""
        joined = attributes(completed(columns), items)
        return Inputs(joined, matrix(joined, self.features, self.vocabulary))

    def log_days(self, inputs: "Inputs") -> Floats:
        """Predicted log of one plus the days, shape (lines,)."""
        return np.maximum(self.trees.predict(inputs.rows), 0.0)

    def radius(self, inputs: "Inputs") -> Floats:
        """Half width of each line's interval in log days."""
        return _by_activity(self.radii, inputs)

    def baseline(self, inputs: "Inputs") -> Floats:
        """Median days by last activity."""
        return _by_activity(self.medians, inputs)

    def advise(self, inputs: "Inputs", source: Source) -> list[Duration]:
        """One duration per line."""
        middle, radius, plain = self.log_days(inputs), self.radius(inputs), self.baseline(inputs)
        silent = [self._silence(inputs, row) for row in range(len(middle))]
        told = np.array([because is None for because in silent])
        pulls = np.zeros(inputs.rows.shape)
        if told.any():
            pulls[told] = self.trees.contributions(inputs.rows[told], 0)
        return [
            self._advise(inputs, row, (middle[row], radius[row], plain[row]), pulls[row], source)
            if because is None
            else Duration(None, None, None, None, self.coverage, because, (), source)
            for row, because in enumerate(silent)
        ]

    def _advise(
        self,
        inputs: "Inputs",
        row: int,
        told: tuple[float, float, float],
        pulls: Floats,
        source: Source,
    ) -> Duration:
        middle, radius, plain = told
        return Duration(
            p50=_days(middle),
            low=_days(middle - radius),
            high=None if np.isinf(radius) else _days(middle + radius),
            baseline=float(plain),
            coverage=self.coverage,
            abstained_because=None,
            reasons=strongest(np.abs(pulls), lambda place: self._said(inputs.columns, row, place)),
            source=source,
        )

    def _silence(self, inputs: "Inputs", row: int) -> str | None:
        activity = text(inputs.columns["last_activity"][row])
        if not activity or activity not in self.medians:
            return "no known last activity: state last_activity, or the times reached so far"
        if np.isnan(measure("days_waiting", _one(inputs.columns, row))[0]):
            return "no as_of: state the moment the question is about"
        return None

    def _said(self, columns: Columns, row: int, place: int) -> str:
        feature = self.features[place]
        if feature.code:
            return f"{feature.words} {text(columns[feature.name][row]) or 'unknown'}"
        [value] = measure(feature.name, _one(columns, row))
        return f"{feature.words} {'unknown' if np.isnan(value) else f'{value:.4g}'}"

    def save(self, folder: Path) -> None:
        """Write LightGBM text and JSON."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "trees.txt").write_text(self.trees.text, encoding="utf-8")
        write_json(
            folder / "model.json",
            {
                "features": [feature.name for feature in self.features],
                "vocabulary": self.vocabulary.values,
                "radii": {k: None if np.isinf(v) else v for k, v in self.radii.items()},
                "medians": self.medians,
                "coverage": self.coverage,
            },
        )

    @classmethod
    def load(cls, folder: Path) -> "RemainingTimeModel":
        """Inverse of :meth:`save`."""
        stored = read_json(folder / "model.json")
        known = {feature.name: feature for feature in FEATURES}
        return cls(
            features=tuple(known[name] for name in stored["features"]),
            vocabulary=Vocabulary({k: tuple(v) for k, v in stored["vocabulary"].items()}),
            trees=Trees.load(folder / "trees.txt"),
            radii={k: float("inf") if v is None else v for k, v in stored["radii"].items()},
            medians=stored["medians"],
            coverage=stored["coverage"],
        )


@dataclass(frozen=True, slots=True)
class Inputs:
    """Encoded lines and the columns they came from."""

    columns: Mapping[str, Sequence[Any]]
    rows: Floats


def completed(columns: Columns) -> dict[str, Sequence[Any]]:
    """Fill in the last activity, its time and the beginning from the times a request states."""
    size = len(columns["sku"])
    activity, moment, begun = (
        list(columns[name]) for name in ("last_activity", "last_activity_at", "begun_at")
    )
    for row in range(size):
        told = [(columns[name][row], words) for name, words in _TOLD_BY if columns[name][row]]
        if told and not text(activity[row]):
            moment[row], activity[row] = told[0]
        if told and not begun[row]:
            begun[row] = told[-1][0]
    return {**columns, "last_activity": activity, "last_activity_at": moment, "begun_at": begun}


def _by_activity(table: Mapping[str, float], inputs: Inputs) -> Floats:
    names = [text(name) for name in inputs.columns["last_activity"]]
    return np.array([table.get(name, table[""]) for name in names])


def _one(columns: Columns, row: int) -> dict[str, list[Any]]:
    return {name: [values[row]] for name, values in columns.items()}


def _days(log_days: float) -> float:
    return float(min(np.expm1(max(log_days, 0.0)), LONGEST_DAYS))
