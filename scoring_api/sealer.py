"""Moves messages from the inbox to the lake in the background, whenever there are some."""

import asyncio
import logging

from sqlalchemy.engine import Engine

from ingestion.errors import HomeIsBusy, RetraceError
from ingestion.inbox import has_waiting
from ingestion.settings import Settings

logger = logging.getLogger("retrace.api")


class Sealer:
    """Seals the inbox a few seconds after a message came; and once at start, for what was left.

    Parameters
    ----------
    every_seconds : float
        Pause between two batches, in which messages gather.
    """

    def __init__(self, settings: Settings, engine: Engine, *, every_seconds: float) -> None:
        self._settings = settings
        self._engine = engine
        self._every_seconds = every_seconds
        self._wanted = asyncio.Event()
        self._wanted.set()

    def wake(self) -> None:
        """Say that a message is waiting."""
        self._wanted.set()

    async def run(self) -> None:
        """Work for ever; run as a task, cancelled when the app stops."""
        while True:
            await self._wanted.wait()
            await asyncio.sleep(self._every_seconds)
            self._wanted.clear()
            try:
                await asyncio.to_thread(self._seal)
            except HomeIsBusy:
                self._wanted.set()
            except (RetraceError, OSError) as error:
                logger.error("The inbox could not be sealed, it will be tried again: %s", error)
                self._wanted.set()

    def _seal(self) -> None:
        if has_waiting(self._engine):
            from ingestion.sealing import seal

            seal(self._settings, self._engine)
