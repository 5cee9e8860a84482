"""How a model does on the last slice of time, beside its naive baselines."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any, Final

import numpy as np

from models import metrics
from models.answers import MANY
from models.arrays import Floats, Ints
from models.examples import COVERAGE, Examples, padded
from models.metrics import Interval, Scores
from models.splits import SHARES
from models.tasks import Task, Workshop

TIMED: Final = 30
"""Answers timed, one line each."""


@dataclass(frozen=True, slots=True)
class Report:
    """How one version of a model does on the last time slice.

    Parameters
    ----------
    baselines : mapping of name to Scores
        Naive answers on the same lines.
    gain : Interval
        Log loss (nats a line) saved over the best baseline, bootstrapped over whole RMAs.
    ece_by_chance : float
        Calibration error that perfect probabilities stay under in 95 of 100 slices of this size.
    coverage, set_size, abstained : float
        Of the prediction sets: share holding the truth, mean size, share without advice.
    latency_ms : float
        Median time of one answer.
    champion : Scores, optional
        Of the current champion on the same lines, where that is another version.
    """

    task: str
    version: str
    data_version: str
    lines: Mapping[str, int]
    scores: Scores
    baselines: Mapping[str, Scores]
    best_baseline: str
    gain: Interval
    ece_by_chance: float
    coverage: float
    promised: float
    set_size: float
    abstained: float
    latency_ms: float
    seconds: float
    champion: Scores | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def judge(shop: Workshop, task: Task, model: Any, material: Examples, seconds: float) -> Report:
    rows, slices = material.slices.test, material.slices
    label = _relabelled(model.classes, material, rows)
    probability, truth = padded(task.probabilities(shop, model, material.take(rows)), label)
    members = model.sets.members(probability)
    size = members.sum(axis=1)
    naive = {
        name: padded(shares[rows], material.label[rows])
        for name, shares in task.baselines(material).items()
    }
    judged = {name: metrics.scores(*shares) for name, shares in naive.items()}
    best = min(judged, key=lambda name: judged[name].log_loss)
    return Report(
        task=task.name,
        version="",
        data_version=shop.data_version,
        lines={name: len(getattr(slices, name)) for name in SHARES},
        scores=metrics.scores(probability, truth),
        baselines=judged,
        best_baseline=best,
        gain=metrics.paired_gain(
            metrics.losses(probability, truth),
            metrics.losses(*naive[best]),
            material.case[rows],
        ),
        ece_by_chance=metrics.chance_error(probability),
        coverage=float(np.mean(members[np.arange(len(truth)), truth])),
        promised=COVERAGE,
        set_size=float(size.mean()),
        abstained=float(np.mean((size == 0) | (size >= MANY))),
        latency_ms=latency_ms(shop, task, model, material),
        seconds=seconds,
    )


def _relabelled(classes: Sequence[str], material: Examples, rows: Ints) -> Ints:
    """Labels as indices into a model's own classes."""
    place = {name: n for n, name in enumerate(classes)}
    names = [*material.classes, None]
    return np.array([place.get(names[label], -1) for label in material.label[rows]])


def latency_ms(shop: Workshop, task: Task, model: Any, material: Examples) -> float:
    times = []
    for row in material.slices.test[:TIMED]:
        one = material.take(np.array([row]))
        started = perf_counter()
        task.probabilities(shop, model, one)
        times.append(perf_counter() - started)
    return float(np.median(times) * 1000)


def losses_of(shop: Workshop, task: Task, model: Any, material: Examples) -> Floats:
    rows = material.slices.test
    probability = task.probabilities(shop, model, material.take(rows))
    return metrics.losses(*padded(probability, _relabelled(model.classes, material, rows)))
