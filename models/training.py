"""Train, judge and promote: each question learns from the lake and answers to one gate.

Slices, features and targets come from other modules; here they are put in order, measured beside
their baselines on the last slice of time, recorded, and promoted by rules in code.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import numpy as np

from ingestion.settings import Settings
from models import metrics
from models.answers import MANY
from models.arrays import Floats, Ints
from models.bundle import Entry, write_bundle
from models.errors import NoModel, UnknownTask
from models.examples import COVERAGE, Examples, padded
from models.files import read_json, write_json
from models.metrics import Interval, Scores
from models.registry import CHALLENGER, CHAMPION, Registry, Version, scratch
from models.splits import SHARES
from models.tasks import TASKS, Task, Workshop, open_workshop, save_shared

Progress = Callable[[str, int, int], None]
LATENCY_MS: Final = 50.0
"""Slowest acceptable answer on one line, median, in this process."""

ECE_SLACK: Final = 0.05
"""Calibration error allowed beyond what chance alone makes of that many lines."""

COVERAGE_SLACK: Final = 0.03
"""Temporal coverage may drift this far below the promise beyond chance (PITFALLS L17)."""


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

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a challenger became the champion, and why."""

    task: str
    promoted: bool
    because: str
    checks: Mapping[str, bool]
    version: str
    champion_before: str | None
    gain_over_champion: Interval | None
    bundle: str | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def train(
    settings: Settings, tasks: Sequence[str] | None = None, progress: Progress | None = None
) -> list[Report]:
    """Train models and record each as the challenger of its question.

    Parameters
    ----------
    tasks : names, optional
        All questions without it.
    progress : function of (what, done, of), optional

    Raises
    ------
    EmptyLake, NotEnoughHistory, UnknownTask
    """
    chosen = _chosen(tasks)
    say = progress or (lambda _what, _done, _of: None)
    say("snapshots", 0, len(chosen))
    shop = open_workshop(settings)
    reports = []
    registry = Registry(settings)
    try:
        for done, task in enumerate(chosen):
            say(task.name, done, len(chosen))
            reports.append(_train(settings, registry, shop, task))
    finally:
        registry.close()
    say("trained", len(chosen), len(chosen))
    return reports


def _train(settings: Settings, registry: Registry, shop: Workshop, task: Task) -> Report:
    started = perf_counter()
    material = task.examples(shop)
    model, parameters = task.fit(shop, material)
    with scratch(settings) as files:
        model.save(files)
        report = _judge(shop, task, task.load(files), material, perf_counter() - started)
        write_json(files / "report.json", {**report.to_dict(), "features": task.fields})
        version = registry.record(
            task.name,
            files,
            parameters=parameters,
            metrics=_numbers(report),
            data_version=shop.data_version,
        )
    return _named(report, version)


def evaluate(settings: Settings, tasks: Sequence[str] | None = None) -> list[Report]:
    """Judge the newest version of each question again, on the last slice of today's lake.

    Raises
    ------
    NoModel
        Nothing has been trained.
    """
    shop = open_workshop(settings)
    registry = Registry(settings)
    try:
        reports = []
        for task in _chosen(tasks):
            version = _newest(registry, task)
            model = task.load(version.folder)
            report = _judge(shop, task, model, task.examples(shop), 0.0)
            reports.append(_named(report, version))
        return reports
    finally:
        registry.close()


def promote(settings: Settings, task: str) -> Decision:
    """Make the challenger the champion if it passes every check, and write the bundle.

    Raises
    ------
    NoModel
        The question has no challenger.
    """
    [chosen] = _chosen([task])
    registry = Registry(settings)
    try:
        challenger = registry.find(task, CHALLENGER)
        if challenger is None:
            raise NoModel(f"Nothing to promote: train it first: retrace train {task}")
        champion = registry.find(task, CHAMPION)
        decision = _decide(settings, chosen, challenger, champion)
        registry.note(challenger, {"promoted": str(decision.promoted), "why": decision.because})
        if not decision.promoted:
            return decision
        registry.crown(challenger)
        place = _publish(settings, registry)
        return Decision(**{**_shallow(decision), "bundle": str(place)})
    finally:
        registry.close()


def _decide(
    settings: Settings, task: Task, challenger: Version, champion: Version | None
) -> Decision:
    report = read_json(challenger.folder / "report.json")
    sigma = np.sqrt(report["promised"] * (1 - report["promised"]) / report["scores"]["n"])
    checks = {
        "beats_baseline": report["gain"]["low"] > 0,
        "calibrated": report["scores"]["ece"] <= report["ece_by_chance"] + ECE_SLACK,
        "covers": bool(report["coverage"] >= report["promised"] - 2 * sigma - COVERAGE_SLACK),
        "fast": report["latency_ms"] <= LATENCY_MS,
    }
    gain = None
    if champion is not None and champion.version != challenger.version:
        gain = _gain_over(settings, task, challenger, champion)
        checks["beats_champion"] = gain.low > 0
    failed = [name for name, passed in checks.items() if not passed]
    return Decision(
        task=task.name,
        promoted=not failed,
        because=_reason(report, failed, gain),
        checks=checks,
        version=challenger.version,
        champion_before=champion.version if champion else None,
        gain_over_champion=gain,
        bundle=None,
    )


def _reason(report: Mapping[str, Any], failed: Sequence[str], gain: Interval | None) -> str:
    over = report["gain"]
    best = report["baselines"][report["best_baseline"]]
    text = (
        f"log loss {report['scores']['log_loss']:.3f} against {best['log_loss']:.3f} of the best "
        f"baseline, gain {over['value']:.3f} [{over['low']:.3f}, {over['high']:.3f}]; "
        f"macro-F1 {report['scores']['macro_f1']:.3f} against {best['macro_f1']:.3f}"
    )
    if gain is not None:
        text += f"; gain over the champion {gain.value:.3f} [{gain.low:.3f}, {gain.high:.3f}]"
    return text + (f"; failed: {', '.join(failed)}" if failed else "; every check passed")


def _gain_over(settings: Settings, task: Task, challenger: Version, champion: Version) -> Interval:
    shop = open_workshop(settings)
    material = task.examples(shop)
    ours, theirs = (
        _losses(shop, task, task.load(version.folder), material)
        for version in (challenger, champion)
    )
    return metrics.paired_gain(ours, theirs, material.case[material.slices.test])


def _losses(shop: Workshop, task: Task, model: Any, material: Examples) -> Floats:
    rows = material.slices.test
    probability = task.probabilities(shop, model, material.take(rows))
    return metrics.losses(*padded(probability, _relabelled(model.classes, material, rows)))


def _judge(shop: Workshop, task: Task, model: Any, material: Examples, seconds: float) -> Report:
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
        latency_ms=_latency_ms(shop, task, model, material),
        seconds=seconds,
    )


def _relabelled(classes: Sequence[str], material: Examples, rows: Ints) -> Ints:
    """Labels as indices into a model's own classes."""
    place = {name: n for n, name in enumerate(classes)}
    names = [*material.classes, None]
    return np.array([place.get(names[label], -1) for label in material.label[rows]])


def _latency_ms(shop: Workshop, task: Task, model: Any, material: Examples) -> float:
    times = []
    for row in material.slices.test[:30]:
        one = material.take(np.array([row]))
        started = perf_counter()
        task.probabilities(shop, model, one)
        times.append(perf_counter() - started)
    return float(np.median(times) * 1000)


def _publish(settings: Settings, registry: Registry) -> Path:
    """Write the champions of all questions as one bundle."""
    with scratch(settings) as folder:
        parts = folder / "parts"
        entries: dict[str, Entry] = {}
        for task in TASKS.values():
            version = registry.find(task.name, CHAMPION)
            if version is not None:
                shutil.copytree(version.folder, parts / task.name)
                entries[task.name] = Entry(
                    task.name, version.version, version.run_id, version.data_version, task.fields
                )
        save_shared(settings, parts, texts=any(TASKS[name].reads_text for name in entries))
        return write_bundle(settings.models_dir, CHAMPION, parts, entries)


def _newest(registry: Registry, task: Task) -> Version:
    version = registry.find(task.name, CHALLENGER) or registry.find(task.name, CHAMPION)
    if version is None:
        raise NoModel(f"No model for {task.name!r} yet. Train it first: retrace train {task.name}")
    return version


def _chosen(tasks: Sequence[str] | None) -> list[Task]:
    unknown = [name for name in tasks or [] if name not in TASKS]
    if unknown:
        raise UnknownTask(unknown[0], tuple(TASKS))
    return [TASKS[name] for name in tasks or TASKS]


def _numbers(report: Report) -> dict[str, float]:
    """Metrics for the record, one level deep."""
    flat = {name: float(value) for name, value in asdict(report.scores).items()}
    flat |= {"gain": report.gain.value, "gain_low": report.gain.low, "coverage": report.coverage}
    flat |= {"set_size": report.set_size, "abstained": report.abstained}
    flat |= {
        f"baseline_{name}_macro_f1": judged.macro_f1 for name, judged in report.baselines.items()
    }
    return flat


def _named(report: Report, version: Version) -> Report:
    return Report(**{**_shallow(report), "version": version.version})


def _shallow(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__dataclass_fields__}
