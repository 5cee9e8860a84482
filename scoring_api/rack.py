"""The rack that holds the scorer: loaded from the promoted bundle, replaced while serving."""

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from scoring_api.metrics import Metrics
from scoring_api.problems import Problem

ALIAS = "champion"
WARM_UP = {"return_line_id": "warm-up", "site": "-", "sku": "-", "quantity": 1, "note": "as new"}
"""Scored once by a new scorer, so that it is known to work and the first caller need not wait."""
logger = logging.getLogger("retrace.api")


class Advice(Protocol):
    """What a scorer says about one return line."""

    def to_dict(self) -> dict[str, Any]:
        """The answer's parts."""


class Scorer(Protocol):
    """The part of ``models.scorer.Scorer`` the API uses."""

    def score(self, lines: list[dict[str, Any]]) -> Sequence[Advice]:
        """Advise on lines, in order; each states its ``as_of``."""

    def versions(self) -> Any:
        """Name, version and data version of each model."""


class ModelRack:
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

    def required(self) -> Scorer:
        """The scorer in service.

        Raises
        ------
        Problem
            503 while no bundle has been promoted.
        """
        if self.scorer is None:
            raise Problem(
                503,
                "No model has been promoted yet. Run: retrace train, then retrace promote TASK",
                headers={"Retry-After": "30"},
            )
        return self.scorer

    def refresh(self) -> bool:
        """Load the bundle if its manifest is new; whether the scorer was replaced."""
        if self._fixed:
            return False
        signature = _signature(self._bundle / "manifest.json")
        if signature is None or signature == self._seen:
            return False
        from models.scorer import Scorer as BundleScorer

        try:
            scorer: Scorer = BundleScorer.load(self._bundle)
            scorer.score([WARM_UP])
        except Exception as error:  # noqa: BLE001 - a damaged bundle must not end the old one
            self._metrics.reloads.labels("failed").inc()
            logger.error("The bundle %s cannot be loaded: %s", self._bundle, error)
            return False
        self.scorer, self._seen = scorer, signature
        self._metrics.reloads.labels("loaded").inc()
        return True

    async def watch(self, every_seconds: float) -> None:
        """Refresh for ever; run as a task, cancelled when the app stops."""
        while not self._fixed:
            await asyncio.sleep(every_seconds)
            await asyncio.to_thread(self.refresh)


def _signature(manifest: Path) -> tuple[int, ...] | None:
    try:
        found = manifest.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
