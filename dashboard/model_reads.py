"""What the advice page reads: the promoted scorer and how good its models are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from ingestion.settings import Settings
from models import Scorer
from models.bundle import MANIFEST, open_bundle


@dataclass(frozen=True)
class Quality:
    """One promoted model beside its best naive baseline, on the last slice of time.

    ``gain`` is log loss saved per line over that baseline (nats), with a 95 % interval.
    """

    task: str
    version: str
    data_version: str
    lines: int
    scores: Mapping[str, float]
    baseline: str
    baseline_scores: Mapping[str, float]
    gain: Mapping[str, float]
    coverage: float
    promised: float
    abstained: float
    latency_ms: float


def champion(settings: Settings) -> Path | None:
    """Folder of the promoted bundle, if anything has been promoted."""
    folder = settings.models_dir / "champion"
    return folder.resolve() if (folder / MANIFEST).is_file() else None


@st.cache_resource(max_entries=2, show_spinner="Loading the models")
def load_scorer(folder: Path) -> Scorer:
    """Load the one scorer that the API serves too; a promotion brings another folder."""
    return Scorer.load(folder)


@st.cache_data(max_entries=4, show_spinner=False)
def read_quality(folder: Path) -> tuple[Quality, ...]:
    """Read the reports that were written when the models were promoted."""
    bundle = open_bundle(folder)
    return tuple(
        _quality(task, entry.version, json.loads((folder / task / "report.json").read_text()))
        for task, entry in sorted(bundle.entries.items())
    )


def _quality(task: str, version: str, report: Mapping[str, Any]) -> Quality:
    baselines: Mapping[str, Mapping[str, float]] = report["baselines"]
    best = min(baselines, key=lambda name: baselines[name]["log_loss"])
    return Quality(
        task=task,
        version=version,
        data_version=report["data_version"],
        lines=int(report["lines"]["test"]),
        scores=report["scores"],
        baseline=best,
        baseline_scores=baselines[best],
        gain=report["gain"],
        coverage=report["coverage"],
        promised=report["promised"],
        abstained=report["abstained"],
        latency_ms=report["latency_ms"],
    )
