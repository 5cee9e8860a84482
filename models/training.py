"""Train the questions on the lake and record each as the challenger; judge one again."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from time import perf_counter

from ingestion.settings import Settings
from models.errors import NoModel
from models.files import write_json
from models.judgement import Report
from models.registry import CHALLENGER, CHAMPION, Registry, Version, scratch
from models.tasks import Task, Workshop, chosen_tasks, open_workshop

Progress = Callable[[str, int, int], None]


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
    chosen = chosen_tasks(tasks)
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
    material = task.material(shop)
    model, parameters = task.fit(shop, material)
    with scratch(settings) as files:
        model.save(files)
        spent = perf_counter() - started
        report = task.report(shop, task.load(files), material, seconds=spent)
        write_json(files / "report.json", {**report.to_dict(), "features": task.fields})
        version = registry.record(
            task.name,
            files,
            parameters=parameters,
            metrics=_numbers(report),
            data_version=shop.data_version,
        )
    return replace(report, version=version.version)


def evaluate(settings: Settings, tasks: Sequence[str] | None = None) -> list[Report]:
    """Judge the newest version of each question again, on the last slice of today's lake.

    The report shows the champion's scores on the same lines where it is another version.

    Raises
    ------
    NoModel
        Nothing has been trained.
    """
    shop = open_workshop(settings)
    registry = Registry(settings)
    try:
        reports = []
        for task in chosen_tasks(tasks):
            version = _newest(registry, task)
            model = task.load(version.folder)
            material = task.material(shop)
            report = task.report(shop, model, material, seconds=0.0)
            champion = registry.find(task.name, CHAMPION)
            scores = (
                task.judge(shop, task.load(champion.folder), material).scores
                if champion is not None and champion.version != version.version
                else None
            )
            reports.append(replace(report, version=version.version, champion=scores))
        return reports
    finally:
        registry.close()


def _newest(registry: Registry, task: Task) -> Version:
    version = registry.find(task.name, CHALLENGER) or registry.find(task.name, CHAMPION)
    if version is None:
        raise NoModel(f"No model for {task.name!r} yet. Train it first: retrace train {task.name}")
    return version


def _numbers(report: Report) -> dict[str, float]:
    """Metrics for the record, one level deep."""
    flat = {name: float(value) for name, value in asdict(report.scores).items()}
    flat |= {"gain": report.gain.value, "gain_low": report.gain.low, "coverage": report.coverage}
    flat |= {"set_size": report.set_size, "abstained": report.abstained}
    flat |= {
        f"baseline_{name}_{report.measure}": float(getattr(judged, report.measure))
        for name, judged in report.baselines.items()
    }
    return flat
