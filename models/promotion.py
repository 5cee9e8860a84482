"""The gate a challenger passes to become the champion, as code, and the bundle it then enters."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from ingestion.settings import Settings
from models import metrics
from models.bundle import Entry, write_bundle
from models.errors import NoModel
from models.files import read_json
from models.metrics import Interval
from models.registry import CHALLENGER, CHAMPION, Registry, Version, scratch
from models.tasks import TASKS, Task, chosen_tasks, open_workshop, save_shared

LATENCY_MS: Final = 50.0
"""Slowest acceptable answer on one line, median, in this process."""

ECE_SLACK: Final = 0.05
"""Calibration error allowed beyond what chance alone makes of that many lines."""

COVERAGE_SLACK: Final = 0.03
"""Temporal coverage may drift this far below the promise beyond chance (PITFALLS L17)."""


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


def promote(settings: Settings, task: str, *, act: bool = True) -> Decision:
    """Make the challenger the champion if it passes every check, and write the bundle.

    Parameters
    ----------
    act : bool
        False only says what would be decided.

    Raises
    ------
    NoModel
        The question has no challenger.
    """
    [chosen] = chosen_tasks([task])
    registry = Registry(settings)
    try:
        challenger = registry.find(task, CHALLENGER)
        if challenger is None:
            raise NoModel(f"Nothing to promote: train it first: retrace train {task}")
        champion = registry.find(task, CHAMPION)
        decision = _decide(settings, chosen, challenger, champion)
        registry.note(challenger, {"promoted": str(decision.promoted), "why": decision.because})
        if not decision.promoted or not act:
            return decision
        registry.crown(challenger)
        place = _publish(settings, registry)
        return replace(decision, bundle=str(place))
    finally:
        registry.close()


def _decide(
    settings: Settings, task: Task, challenger: Version, champion: Version | None
) -> Decision:
    report = read_json(challenger.folder / "report.json")
    sigma = np.sqrt(report["promised"] * (1 - report["promised"]) / report["scores"]["n"])
    checks = {
        "beats_baseline": report["gain"]["low"] > 0,
        "covers": bool(report["coverage"] >= report["promised"] - 2 * sigma - COVERAGE_SLACK),
        "fast": report["latency_ms"] <= LATENCY_MS,
    }
    if report["ece_by_chance"] is not None:
        checks["calibrated"] = report["scores"]["ece"] <= report["ece_by_chance"] + ECE_SLACK
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
    over, measure = report["gain"], report["measure"]
    best = report["baselines"][report["best_baseline"]]
    text = (
        f"{measure} {report['scores'][measure]:.3f} against {best[measure]:.3f} of the best "
        f"baseline, gain {over['value']:.3f} [{over['low']:.3f}, {over['high']:.3f}]"
    )
    if "macro_f1" in best:
        text += f"; macro-F1 {report['scores']['macro_f1']:.3f} against {best['macro_f1']:.3f}"
    if gain is not None:
        text += f"; gain over the champion {gain.value:.3f} [{gain.low:.3f}, {gain.high:.3f}]"
    return text + (f"; failed: {', '.join(failed)}" if failed else "; every check passed")


def _gain_over(settings: Settings, task: Task, challenger: Version, champion: Version) -> Interval:
    shop = open_workshop(settings)
    material = task.material(shop)
    ours, theirs = (
        task.judge(shop, task.load(version.folder), material).losses
        for version in (challenger, champion)
    )
    return metrics.paired_gain(ours, theirs, material.case[material.slices.test])


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
