"""The scoring desk: the one scorer of the process, asked in groups, replaced while it works."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from scoring_api.metrics import Metrics
from scoring_api.problems import Problem
from scoring_api.workers import GroupWorker

GROUP = 32
"""Return lines scored in one go; a batch never keeps a single request waiting for more."""

Line = Mapping[str, Any]
logger = logging.getLogger("retrace.api")


class Advice(Protocol):
    """What a scorer says about one return line."""

    def to_dict(self) -> dict[str, Any]: ...


class Scorer(Protocol):
    """The part of ``models.scorer.Scorer`` the API uses."""

    def score(
        self, lines: list[dict[str, Any]], *, as_of: datetime | None = None
    ) -> Sequence[Advice]: ...

    def versions(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class ScoringJob:
    """Lines of one request that share a moment of knowledge."""

    scorer: Scorer
    lines: list[dict[str, Any]]
    as_of: datetime | None


class ScoringDesk:
    """Holds the scorer; loads a new bundle fully before it takes the old one's place.

    Parameters
    ----------
    bundle : Path
        Folder of the champion's bundle, watched for a new ``manifest.json``.
    scorer : Scorer, optional
        Fixed scorer; the bundle is then not looked at.
    """

    def __init__(self, bundle: Path, *, metrics: Metrics, scorer: Scorer | None = None) -> None:
        self.scorer = scorer
        self._fixed = scorer is not None
        self._bundle = bundle
        self._metrics = metrics
        self._seen: tuple[int, ...] | None = None
        self._worker: GroupWorker[ScoringJob, list[dict[str, Any]]] = GroupWorker(
            _score_group, name="retrace-scorer", limit=GROUP
        )

    async def score(
        self, lines: list[dict[str, Any]], *, as_of: datetime | None
    ) -> list[dict[str, Any]]:
        """Score lines in the order given.

        Raises
        ------
        Problem
            503 while no bundle has been promoted.
        """
        scorer = self.scorer
        if scorer is None:
            raise Problem(
                503,
                "No model has been promoted yet. Run: retrace train, then retrace promote TASK",
                headers={"Retry-After": "30"},
            )
        return await self._worker.submit(ScoringJob(scorer, lines, as_of))

    def refresh(self) -> bool:
        """Load the bundle if its manifest is new; whether the scorer was replaced."""
        if self._fixed:
            return False
        signature = _signature(self._bundle / "manifest.json")
        if signature is None or signature == self._seen:
            return False
        from models.scorer import Scorer as BundleScorer

        try:
            self.scorer = BundleScorer.load(self._bundle)
        except Exception as error:  # a damaged bundle must not end the service of the old one
            self._metrics.reloads.labels("failed").inc()
            logger.error("The bundle %s cannot be loaded: %s", self._bundle, error)
            return False
        self._seen = signature
        self._metrics.reloads.labels("loaded").inc()
        return True

    async def watch(self, every_seconds: float) -> None:
        """Refresh for ever; run as a task, cancelled when the app stops."""
        while not self._fixed:
            await asyncio.sleep(every_seconds)
            await asyncio.to_thread(self.refresh)

    def close(self) -> None:
        """Finish what is queued, then stop."""
        self._worker.close()


def _score_group(jobs: Sequence[ScoringJob]) -> Sequence[list[dict[str, Any]]]:
    answers: list[list[dict[str, Any]]] = [[] for _ in jobs]
    alike: dict[tuple[int, datetime | None], list[int]] = {}
    for position, job in enumerate(jobs):
        alike.setdefault((id(job.scorer), job.as_of), []).append(position)
    for (_, as_of), positions in alike.items():
        lines = [line for position in positions for line in jobs[position].lines]
        advice = iter(jobs[positions[0]].scorer.score(lines, as_of=as_of))
        for position in positions:
            answers[position] = [next(advice).to_dict() for _ in jobs[position].lines]
    return answers


def _signature(manifest: Path) -> tuple[int, ...] | None:
    try:
        found = manifest.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
