"""Where a line physically goes: gradient boosted trees on what an inspection leaves behind.

The model says how probable each fate is; the recommendation is the plausible one of highest
expected recovery value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from models.answers import Advice, Because, Option, Source, abstention, ranked, strongest
from models.arrays import Bools, Floats
from models.features import (
    CODES,
    MEASURES,
    UNKNOWN_CODE,
    Columns,
    Feature,
    Vocabulary,
    attributes,
    fields_of,
    matrix,
    measure,
    numbers,
    supplier_credit,
    text,
)
from models.files import read_arrays, read_json, write_arrays, write_json
from models.items import Items
from models.trees import Trees
from models.uncertainty import Calibration, PredictionSets
from models.value import expected_values

TASK: Final = "disposition"
FEATURES: Final[tuple[Feature, ...]] = (*CODES, *MEASURES)
FIELDS: Final = (*fields_of(FEATURES), "family")
CURRENCY: Final = "USD"
NOT_INSPECTED: Final = "no known condition: the promise holds for inspected lines only"


@dataclass(frozen=True, slots=True)
class DispositionModel:
    """Boosted trees with their vocabulary, calibration and prediction sets."""

    classes: tuple[str, ...]
    features: tuple[Feature, ...]
    vocabulary: Vocabulary
    trees: Trees
    calibration: Calibration
    sets: PredictionSets

    def inputs(self, columns: Columns, items: Items) -> "Inputs":
        """Join item attributes and encode."""
        joined = attributes(columns, items)
        return Inputs(joined, matrix(joined, self.features, self.vocabulary))

    def probabilities(self, inputs: "Inputs") -> Floats:
        """Calibrated probabilities of shape (lines, classes)."""
        return self.calibration.apply(self.trees.predict(inputs.rows))

    def values(self, inputs: "Inputs", probability: Floats) -> Floats:
        """Expected recovery value of every class for the whole line."""
        columns = inputs.columns
        price = numbers(columns["unit_price"])
        listed = numbers(columns["list_price"])
        return expected_values(
            probability,
            self.classes,
            price=np.where(np.isnan(price), listed, price),
            supplier_credit=supplier_credit(columns),
            quantity=numbers(columns["quantity"]),
        )

    def advise(self, inputs: "Inputs", source: Source) -> list[Advice]:
        """One advice per line, explained for the chosen class only."""
        probability = self.probabilities(inputs)
        members = self.sets.members(probability)
        values = self.values(inputs, probability)
        judged = Judged(probability, members, values, choose(probability, members, values))
        because = self._reasons(inputs, judged.chosen)
        return [self._advise(inputs, row, judged, why, source) for row, why in enumerate(because)]

    def _advise(
        self,
        inputs: "Inputs",
        row: int,
        judged: "Judged",
        reasons: tuple[Because, ...],
        source: Source,
    ) -> Advice:
        probability, members = judged.probability[row], judged.members[row]
        values = judged.values[row]
        because = abstention(members, len(self.classes))
        if inputs.rows[row, self._condition] == UNKNOWN_CODE:
            because = NOT_INSPECTED
        return Advice(
            question=TASK,
            recommended=self.classes[judged.chosen[row]] if because is None else None,
            abstained_because=because,
            options=tuple(
                Option(
                    self.classes[i],
                    float(probability[i]),
                    None if np.isnan(values[i]) else float(values[i]),
                )
                for i in ranked(probability, members)
            ),
            prediction_set=tuple(self.classes[i] for i in np.flatnonzero(members)),
            coverage=self.sets.coverage,
            reasons=reasons,
            source=source,
            currency=CURRENCY,
        )

    @property
    def _condition(self) -> int:
        """Column of the condition's code."""
        return [feature.name for feature in self.features].index("condition")

    def _reasons(self, inputs: "Inputs", chosen: Sequence[int]) -> list[tuple[Because, ...]]:
        picks = np.asarray(chosen)
        pulls = np.empty((len(picks), len(self.features)))
        for pick in np.unique(picks):
            rows = picks == pick
            pulls[rows] = self.trees.contributions(inputs.rows[rows], int(pick))
        return [
            strongest(pulls[row], partial(self._said, inputs.columns, row))
            for row in range(len(picks))
        ]

    def _said(self, columns: Columns, row: int, place: int) -> str:
        feature = self.features[place]
        if feature.code:
            return f"{feature.words} {text(columns[feature.name][row]) or 'unknown'}"
        one = {name: [values[row]] for name, values in columns.items()}
        [value] = measure(feature.name, one)
        return f"{feature.words} {'unknown' if np.isnan(value) else f'{value:.4g}'}"

    def save(self, folder: Path) -> None:
        """Write LightGBM text, arrays and JSON."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "trees.txt").write_text(self.trees.text, encoding="utf-8")
        write_arrays(folder / "calibration.npz", self.calibration.to_arrays())
        write_json(
            folder / "model.json",
            {
                "classes": self.classes,
                "features": [feature.name for feature in self.features],
                "vocabulary": self.vocabulary.values,
                "quantile": self.sets.quantile,
                "coverage": self.sets.coverage,
                "rows": self.sets.rows,
            },
        )

    @classmethod
    def load(cls, folder: Path) -> "DispositionModel":
        """Inverse of :meth:`save`."""
        stored = read_json(folder / "model.json")
        known = {feature.name: feature for feature in FEATURES}
        return cls(
            classes=tuple(stored["classes"]),
            features=tuple(known[name] for name in stored["features"]),
            vocabulary=Vocabulary({k: tuple(v) for k, v in stored["vocabulary"].items()}),
            trees=Trees.load(folder / "trees.txt"),
            calibration=Calibration.from_arrays(read_arrays(folder / "calibration.npz")),
            sets=PredictionSets(stored["quantile"], stored["coverage"], stored["rows"]),
        )


@dataclass(frozen=True, slots=True)
class Inputs:
    """Encoded lines and the columns they came from."""

    columns: Mapping[str, Sequence[Any]]
    rows: Floats


@dataclass(frozen=True, slots=True)
class Judged:
    """What the model makes of some lines: an array row, or a choice, per line."""

    probability: Floats
    members: Bools
    values: Floats
    chosen: list[int]


def choose(probability: Floats, members: Bools, values: Floats) -> list[int]:
    """Of the plausible classes the one of highest expected value, else the most probable."""
    worth = np.where(members & ~np.isnan(values), values, -np.inf)
    known = np.isfinite(worth).any(axis=1)
    best = np.where(known, worth.argmax(axis=1), probability.argmax(axis=1))
    return [int(i) for i in best]
