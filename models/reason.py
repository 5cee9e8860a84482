"""Why a line really came back, told from its note: a calibrated linear head on two views of it.

The note is read as a sentence vector (frozen encoder) and as TF-IDF terms; declared reason,
condition and product family enter as flags. Answers the inspected reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from models.answers import Advice, Because, Option, Source, abstention, ranked, strongest
from models.arrays import Floats
from models.encoder import Encoder
from models.features import Columns, Vocabulary, text
from models.files import read_arrays, read_json, write_arrays, write_json
from models.items import Items
from models.text import Terms, clean
from models.uncertainty import Calibration, PredictionSets

TASK: Final = "reason"
FLAGS: Final = {"reason_declared": "declared reason", "condition": "condition", "family": "family"}
FIELDS: Final = ("sku", "note", "customer_note", "reason_declared", "condition", "family")
FLAG_WEIGHT: Final = 2.0
"""Value of a flag that is set: counts for more than one term, so is shrunk less."""

FAMILIAR: Final = 0.4
"""Share of known words below which a note is taken for another language or jargon."""


@dataclass(frozen=True, slots=True)
class ReasonModel:
    """A fitted head; ``weights`` has shape (vector + terms + flags, classes)."""

    classes: tuple[str, ...]
    weights: Floats
    intercept: Floats
    terms: Terms
    vocabulary: Vocabulary
    calibration: Calibration
    sets: PredictionSets

    def inputs(self, columns: Columns, encoder: Encoder, items: Items) -> "Inputs":
        """Read the lines: note vectors, term weights and flag codes."""
        notes = notes_of(columns)
        families = items.look_up(columns["sku"], columns["family"])[0]
        flagged = {**columns, "family": families}
        codes = np.column_stack(
            [self.vocabulary.encode(name, flagged[name]) for name in FLAGS]
        ).astype(int)
        return Inputs(notes, encoder.encode(notes), [self.terms.row(n) for n in notes], codes)

    def probabilities(self, inputs: "Inputs") -> Floats:
        """Calibrated probabilities of shape (lines, classes)."""
        logits = self.intercept + inputs.vectors @ self.weights[: inputs.vectors.shape[1]]
        for row, _ in enumerate(inputs.notes):
            places, values = self._sparse(inputs, row)
            logits[row] += values @ self.weights[places]
        return self.calibration.apply(softmax(logits))

    def _sparse(self, inputs: "Inputs", row: int) -> tuple[list[int], Floats]:
        """Rows of ``weights`` that are switched on beside the vector, and their values."""
        width = inputs.vectors.shape[1]
        places = [width + place for place, _ in inputs.terms[row]]
        values = [weight for _, weight in inputs.terms[row]]
        start = width + len(self.terms.names)
        for name, code in zip(FLAGS, inputs.codes[row], strict=True):
            if code >= 0:
                places.append(start + int(code))
                values.append(FLAG_WEIGHT)
            start += len(self.vocabulary.values[name])
        return places, np.array(values)

    def advise(self, inputs: "Inputs", source: Source) -> list[Advice]:
        """One advice per line, explained for the chosen class only."""
        probability = self.probabilities(inputs)
        members = self.sets.members(probability)
        return [
            self._advise(inputs, row, probability[row], members[row], source)
            for row in range(len(probability))
        ]

    def _advise(
        self, inputs: "Inputs", row: int, probability: Floats, members: Any, source: Source
    ) -> Advice:
        best = int(probability.argmax())
        because = abstention(members, len(self.classes))
        if self.terms.familiar_share(inputs.notes[row]) < FAMILIAR:
            because = "most words of the note are unknown: another language or jargon"
        return Advice(
            question=TASK,
            recommended=self.classes[best] if because is None else None,
            abstained_because=because,
            options=tuple(
                Option(self.classes[i], float(probability[i])) for i in ranked(probability, members)
            ),
            prediction_set=tuple(self.classes[i] for i in np.flatnonzero(members)),
            coverage=self.sets.coverage,
            reasons=self._reasons(inputs, row, best),
            source=source,
        )

    def _reasons(self, inputs: "Inputs", row: int, chosen: int) -> tuple[Because, ...]:
        places, values = self._sparse(inputs, row)
        width = inputs.vectors.shape[1]
        told = [n for n, place in enumerate(places) if not self._is_letters(place - width)]
        rows = self.weights[[places[n] for n in told]]
        pulls = values[told] * (rows[:, chosen] - rows.mean(axis=1))
        meaning = self.weights[:width, chosen] - self.weights[:width].mean(axis=1)
        names = [places[n] - width for n in told]
        return strongest(
            np.append(pulls, inputs.vectors[row] @ meaning),
            lambda n: self._name(names[n]) if n < len(names) else "meaning of the note",
        )

    def _is_letters(self, place: int) -> bool:
        """Letter n-grams say nothing to people."""
        return place < len(self.terms.names) and self.terms.names[place].startswith("c:")

    def _name(self, place: int) -> str:
        """Words for a term or flag."""
        if place < len(self.terms.names):
            return f"note says '{self.terms.names[place][2:]}'"
        place -= len(self.terms.names)
        for name, words in FLAGS.items():
            values = self.vocabulary.values[name]
            if place < len(values):
                return f"{words} {values[place]}"
            place -= len(values)
        raise IndexError(place)

    def save(self, folder: Path) -> None:
        """Write arrays and JSON."""
        write_arrays(
            folder / "head.npz",
            {"weights": self.weights, "intercept": self.intercept, "idf": self.terms.idf},
        )
        write_arrays(folder / "calibration.npz", self.calibration.to_arrays())
        write_json(
            folder / "model.json",
            {
                "classes": self.classes,
                "terms": self.terms.names,
                "known_words": sorted(self.terms.known_words),
                "vocabulary": self.vocabulary.values,
                "quantile": self.sets.quantile,
                "coverage": self.sets.coverage,
                "rows": self.sets.rows,
            },
        )

    @classmethod
    def load(cls, folder: Path) -> "ReasonModel":
        """Inverse of :meth:`save`."""
        head, stored = read_arrays(folder / "head.npz"), read_json(folder / "model.json")
        words = frozenset(stored["known_words"])
        return cls(
            classes=tuple(stored["classes"]),
            weights=head["weights"],
            intercept=head["intercept"],
            terms=Terms(tuple(stored["terms"]), head["idf"], words),
            vocabulary=Vocabulary({k: tuple(v) for k, v in stored["vocabulary"].items()}),
            calibration=Calibration.from_arrays(read_arrays(folder / "calibration.npz")),
            sets=PredictionSets(stored["quantile"], stored["coverage"], stored["rows"]),
        )


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the head sees of some lines."""

    notes: list[str]
    vectors: Floats
    terms: list[list[tuple[int, float]]]
    codes: Any


def notes_of(columns: Mapping[str, Sequence[Any]]) -> list[str]:
    """The inspector's note of each line, else the customer's, masked and squeezed."""
    pairs = zip(columns["note"], columns["customer_note"], strict=True)
    return [clean(text(note) or text(customers)) for note, customers in pairs]


def softmax(logits: Floats) -> Floats:
    """Rows of probabilities."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Floats = raised / raised.sum(axis=1, keepdims=True)
    return shares
