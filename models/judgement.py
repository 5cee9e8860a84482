"""How a model does on the last slice of time, beside its naive baselines."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any, Final

import numpy as np

from models import metrics
from models.answers import MANY
from models.arrays import Floats, Ints
from models.examples import COVERAGE, Examples, padded
from models.metrics import Errors, Interval, Scores
from models.points import Points
from models.splits import SHARES

TIMED: Final = 30
"""Answers timed, one line each."""


@dataclass(frozen=True, slots=True)
class Report:
    """How one version of a model does on the last time slice.

    Parameters
    ----------
    scores : Scores or Errors
        Of a classifier or of a duration; ``measure`` names the field that decides.
    baselines : mapping of name to Scores or Errors
        Naive answers on the same lines.
    gain : Interval
        Of ``measure`` over the best baseline (nats a line, or days), bootstrapped over RMAs.
    ece_by_chance : float or None
        Calibration error that perfect probabilities stay under in 95 of 100 slices of this size.
    coverage, set_size, abstained : float
        Share of prediction sets or intervals holding the truth, their mean size (classes, or
        median width in days), share of lines without advice.
    latency_ms : float
        Time of one answer, quickest tenth.
    champion : Scores or Errors, optional
        Of the current champion on the same lines, where that is another version.
    """

    task: str
    version: str
    data_version: str
    lines: Mapping[str, int]
    measure: str
    scores: Scores | Errors
    baselines: Mapping[str, Scores | Errors]
    best_baseline: str
    gain: Interval
    ece_by_chance: float | None
    coverage: float
    promised: float
    set_size: float
    abstained: float
    latency_ms: float
    seconds: float
    champion: Scores | Errors | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A model judged on the test slice; losses are per row, of the model and each baseline."""

    measure: str
    scores: Scores | Errors
    baselines: Mapping[str, Scores | Errors]
    losses: Floats
    baseline_losses: Mapping[str, Floats]
    ece_by_chance: float | None
    coverage: float
    set_size: float
    abstained: float

    @property
    def best_baseline(self) -> str:
        """The baseline with the smallest mean loss."""
        means = {name: float(found.mean()) for name, found in self.baseline_losses.items()}
        return min(means, key=lambda name: means[name])


Judge = Callable[[Any, Any, Any], Verdict]
"""Function of (workshop, model, material)."""


def report_of(
    verdict: Verdict, *, task: str, data_version: str, material: Any, timing: tuple[float, float]
) -> Report:
    """Put a verdict on record.

    Parameters
    ----------
    timing : (milliseconds of one answer, seconds of training)
    """
    best = verdict.best_baseline
    slices = material.slices
    return Report(
        task=task,
        version="",
        data_version=data_version,
        lines={name: len(getattr(slices, name)) for name in SHARES},
        measure=verdict.measure,
        scores=verdict.scores,
        baselines=verdict.baselines,
        best_baseline=best,
        gain=metrics.paired_gain(
            verdict.losses, verdict.baseline_losses[best], material.case[slices.test]
        ),
        ece_by_chance=verdict.ece_by_chance,
        coverage=verdict.coverage,
        promised=COVERAGE,
        set_size=verdict.set_size,
        abstained=verdict.abstained,
        latency_ms=timing[0],
        seconds=timing[1],
    )


def classes_judge(
    probabilities: Callable[[Any, Any, Mapping[str, Any]], Floats],
    baselines: Callable[[Examples], dict[str, Floats]],
) -> Judge:
    """Judge of a classifier: log loss beside the baselines' class shares."""

    def judge(shop: Any, model: Any, material: Examples) -> Verdict:
        rows = material.slices.test
        label = _relabelled(model.classes, material, rows)
        probability, truth = padded(probabilities(shop, model, material.take(rows)), label)
        members = model.sets.members(probability)
        size = members.sum(axis=1)
        naive = {
            name: padded(shares[rows], material.label[rows])
            for name, shares in baselines(material).items()
        }
        return Verdict(
            measure="log_loss",
            scores=metrics.scores(probability, truth),
            baselines={name: metrics.scores(*shares) for name, shares in naive.items()},
            losses=metrics.losses(probability, truth),
            baseline_losses={name: metrics.losses(*shares) for name, shares in naive.items()},
            ece_by_chance=metrics.chance_error(probability),
            coverage=float(np.mean(members[np.arange(len(truth)), truth])),
            set_size=float(size.mean()),
            abstained=float(np.mean((size == 0) | (size >= MANY))),
        )

    return judge


def judge_durations(shop: Any, model: Any, material: Points) -> Verdict:
    """Judge a remaining-time model: absolute error beside the median by last activity."""
    rows = material.slices.test
    inputs, days = model.inputs(material.take(rows), shop.items), material.days[rows]
    middle, radius = model.log_days(inputs), model.radius(inputs)
    low, high = np.expm1(np.maximum(middle - radius, 0.0)), np.expm1(middle + radius)
    missed, plain = np.expm1(middle) - days, model.baseline(inputs) - days
    name = "median_by_last_activity"
    return Verdict(
        measure="mae",
        scores=metrics.errors(missed),
        baselines={name: metrics.errors(plain)},
        losses=np.abs(missed),
        baseline_losses={name: np.abs(plain)},
        ece_by_chance=None,
        coverage=float(np.mean((days >= low) & (days <= high))),
        set_size=float(np.median(high - low)),
        abstained=0.0,
    )


def latency_ms(answer: Callable[[Mapping[str, Any]], Any], material: Any) -> float:
    """Milliseconds of one answer: the quickest tenth over lines of the test slice.

    Other work on the machine makes answers slower, never quicker, so a low quantile says what the
    model costs and a promotion does not hang on who else was computing.
    """
    times = []
    for row in material.slices.test[:TIMED]:
        one = material.take(np.array([row]))
        started = perf_counter()
        answer(one)
        times.append(perf_counter() - started)
    return float(np.quantile(times, 0.1) * 1000)


def _relabelled(classes: Sequence[str], material: Examples, rows: Ints) -> Ints:
    """Labels as indices into a model's own classes."""
    place = {name: n for n, name in enumerate(classes)}
    names = [*material.classes, None]
    return np.array([place.get(names[label], -1) for label in material.label[rows]])
