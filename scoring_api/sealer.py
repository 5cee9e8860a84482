"""Sends messages on from the inbox to the lake, in a process of its own.

Writing the lake takes memory and time that answering requests should not have to share. The
child works as long as messages come and ends when none did for a while; killing it loses nothing.
"""

import asyncio
import logging
import os
import sys

from sqlalchemy.engine import Engine

from ingestion.inbox import has_waiting
from ingestion.settings import Settings

logger = logging.getLogger("retrace.api")


class Sealer:
    """Starts the child a few seconds after a message came; and at start, for what was left.

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
            self._wanted.clear()
            await asyncio.sleep(self._every_seconds)
            if await asyncio.to_thread(has_waiting, self._engine):
                await self._seal()

    async def _seal(self) -> None:
        home, pause = str(self._settings.home), str(self._every_seconds)
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ingestion.sealing", home, pause), env=self._environment()
        )
        try:
            if await child.wait() != 0:
                logger.error("The inbox could not be sealed; it will be tried again.")
                self._wanted.set()
        finally:
            if child.returncode is None:
                child.terminate()
                await child.wait()

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "RETRACE_DATABASE_URL": self._settings.database_url,
            "RETRACE_PSEUDONYMISE": "1" if self._settings.pseudonymise else "0",
        }
