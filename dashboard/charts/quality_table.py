"""How good the promoted models are, beside the best naive answer on the same lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard import formats
from dashboard.charts.markup import Markup, join, tag

HEADS = ("Question", "Score", "Naive", "Gain", "Calibration", "Coverage", "Abstains", "Time")


@dataclass(frozen=True, slots=True)
class QualityRow:
    """One model beside its best naive baseline on the last slice of time.

    Parameters
    ----------
    score, naive_score : float
        Share of right answers, or the mean absolute error in days where ``in_days``.
    gain, gain_low, gain_high : float
        Saved per line over the naive answer, with a 95 % interval: nats of log loss, or days.
    calibration_error : float or None
        Expected calibration error; a duration states no probability.
    coverage, promised, abstained : float
        Shares 0-1.
    """

    task: str
    version: str
    lines: int
    in_days: bool
    score: float
    naive: str
    naive_score: float
    gain: float
    gain_low: float
    gain_high: float
    calibration_error: float | None
    coverage: float
    promised: float
    abstained: float
    latency_ms: float


def draw_quality(rows: Sequence[QualityRow]) -> Markup:
    """Compose the table; what a column means is its tooltip."""
    meaning = (
        "What the model answers",
        "Share of lines whose most probable answer was right; for durations the mean error",
        "The same for the best naive answer",
        "Log loss or days saved per line over the naive answer, with the 95 % interval",
        "How far stated probabilities are from what happened",
        "How often the offered answers held the truth, and what was promised",
        "Share of lines without advice",
        "Median time of one answer",
    )
    head = (
        tag("th", name, data_tip=f"{name}\n{text}")
        for name, text in zip(HEADS, meaning, strict=True)
    )
    body = (_row(row) for row in rows)
    return tag("table", tag("thead", tag("tr", *head)), tag("tbody", *body), cls="quality")


def _row(row: QualityRow) -> Markup:
    kept = row.coverage >= row.promised - 0.02
    return tag(
        "tr",
        tag("th", f"{_words(row.task)} ", tag("span", f"version {row.version}", cls="soft")),
        _cell(_score(row, row.score), f"{formats.number(row.lines)} lines"),
        _cell(_score(row, row.naive_score), row.naive.replace("_", " ")),
        _cell(
            f"{row.gain:.2f}{' d' if row.in_days else ''}",
            f"{row.gain_low:.2f} to {row.gain_high:.2f}",
        ),
        _cell("-" if row.calibration_error is None else formats.share(row.calibration_error), ""),
        _cell(formats.share(row.coverage), f"promised {formats.share(row.promised)}", good=kept),
        _cell(formats.share(row.abstained), ""),
        _cell(f"{row.latency_ms:.1f} ms", ""),
    )


def _words(task: str) -> str:
    return task.replace("_", " ").capitalize()


def _score(row: QualityRow, value: float) -> str:
    return f"{value:.1f} d off" if row.in_days else f"{formats.share(value)} right"


def _cell(value: str, note: str, *, good: bool = True) -> Markup:
    figure = tag("span", value, cls="value" if good else "value bad")
    return tag("td", join([figure, tag("span", note, cls="soft")]))
