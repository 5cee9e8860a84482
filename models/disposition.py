"""Where a line physically goes: gradient boosted trees on what an inspection leaves behind.

The model says how probable each fate is; the recommendation is the plausible one of highest
expected recovery value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from models.answers import Advice, Because, Option, Source, abstention, ranked, strongest
from models.arrays import Bools, Floats
from models.features import (
    CODES,
    MEASURES,
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
        chosen = choose(probability, members, values)
        told = zip(probability, members, values, chosen, self._reasons(inputs, chosen), strict=True)
        return [self._advise(*line, source=source) for line in told]

    def _advise(
        self,
        probability: Floats,
        members: Bools,
        values: Floats,
        chosen: int,
        reasons: tuple[Because, ...],
        *,
        source: Source,
    ) -> Advice:
        because = abstention(members, len(self.classes))
        return Advice(
            question=TASK,
            recommended=self.classes[chosen] if because is None else None,
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

    def _reasons(self, inputs: "Inputs", chosen: Sequence[int]) -> list[tuple[Because, ...]]:
        picks = np.asarray(chosen)
        pulls = np.empty((len(picks), len(self.features)))
        for pick in np.unique(picks):
            rows = picks == pick
            pulls[rows] = self.trees.contributions(inputs.rows[rows], int(pick))
        return [
            strongest(
                [
                    (self._said(feature, inputs.columns, row), float(pull))
                    for feature, pull in zip(self.features, pulls[row], strict=True)
                ]
            )
            for row in range(len(picks))
        ]

    def _said(self, feature: Feature, columns: Columns, row: int) -> str:
        if feature.code:
            return f"{feature.words} {text(columns[feature.name][row]) or 'unknown'}"
        one = {name: [values[row]] for name, values in columns.items()}
        value = float(measure(feature.name, one)[0])
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


def choose(probability: Floats, members: Bools, values: Floats) -> list[int]:
    """Of the plausible classes the one of highest expected value, else the most probable."""
    worth = np.where(members & ~np.isnan(values), values, -np.inf)
    known = np.isfinite(worth).any(axis=1)
    best = np.where(known, worth.argmax(axis=1), probability.argmax(axis=1))
    return [int(i) for i in best]
