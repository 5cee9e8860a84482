"""What the advice page reads: the promoted scorer and how good its models are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.charts.quality_table import QualityRow
from ingestion.settings import Settings
from models import Scorer
from models.bundle import MANIFEST, open_bundle

TRAINABLE = ("reason", "disposition", "remaining_time")


def champion(settings: Settings) -> Path | None:
    """Folder of the promoted bundle, if anything has been promoted."""
    folder = settings.models_dir / "champion"
    return folder.resolve() if (folder / MANIFEST).is_file() else None


@st.cache_resource(max_entries=2, show_spinner="Loading the models")
def load_scorer(folder: Path) -> Scorer:
    """Load the one scorer that the API serves too; a promotion brings another folder."""
    return Scorer.load(folder)


@st.cache_data(max_entries=4, show_spinner=False)
def read_quality(folder: Path) -> tuple[QualityRow, ...]:
    """Read the reports that were written when the models were promoted."""
    bundle = open_bundle(folder)
    return tuple(
        _quality(task, entry.version, json.loads((folder / task / "report.json").read_text()))
        for task, entry in sorted(bundle.entries.items())
    )


def _quality(task: str, version: str, report: Mapping[str, Any]) -> QualityRow:
    scores, best = report["scores"], report["best_baseline"]
    in_days = "mae" in scores
    measure = "mae" if in_days else "accuracy"
    return QualityRow(
        task=task,
        version=version,
        lines=int(report["lines"]["test"]),
        in_days=in_days,
        score=scores[measure],
        naive=best,
        naive_score=report["baselines"][best][measure],
        gain=report["gain"]["value"],
        gain_low=report["gain"]["low"],
        gain_high=report["gain"]["high"],
        calibration_error=scores.get("ece"),
        coverage=report["coverage"],
        promised=report["promised"],
        abstained=report["abstained"],
        latency_ms=report["latency_ms"],
    )
