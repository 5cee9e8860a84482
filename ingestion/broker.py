"""Consuming a message broker: stored first, acknowledged after the commit, sealed in between.

``nats://HOST:PORT?stream=S[&subject=X][&durable=D]`` reads a JetStream stream,
``amqp://USER:PASSWORD@HOST:PORT/VHOST?queue=Q`` a RabbitMQ queue and
``kafka://[USER:PASSWORD@]HOST:PORT/TOPIC[?group=G][&tls=1][&sasl=scram-sha-512]`` a Kafka topic.
They belong to the broker's owner: they must exist. A crash, a restart of the broker or of the
database makes the broker deliver again, and the inbox knows what it already has.
"""

import asyncio
import logging
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from ingestion.broker_url import BadBrokerUrl, Place
from ingestion.database import engine as open_engine
from ingestion.database import writing
from ingestion.errors import HomeIsBusy, RetraceError
from ingestion.inbox import Message, has_waiting, store
from ingestion.intake import utc_now
from ingestion.settings import Settings
from ingestion.subscriptions import SUBSCRIPTIONS, TOGETHER, missing_topic, to_message
from ingestion.workers import GroupWorker

_FIRST_PAUSE_SECONDS = 0.2

__all__ = ["BadBrokerUrl", "BrokerUnreachable", "Consumed", "Place", "consume", "to_message"]

log = logging.getLogger("retrace.consume")


class BrokerUnreachable(RetraceError):
    """Nobody answers at the broker's address, or it has no such stream or queue."""

    def __init__(self, place: str, why: object) -> None:
        self.place = place
        super().__init__(f"Cannot consume {place}: {why}. Check the address and that it exists.")


@dataclass(slots=True)
class Consumed:
    """What one run took from the broker: received = stored + duplicate."""

    received: int = 0
    stored: int = 0
    duplicate: int = 0
    last_at: float = field(default_factory=time.monotonic)

    def count(self, fresh: Sequence[bool]) -> None:
        """Add the outcome of one commit."""
        self.received += len(fresh)
        self.stored += sum(fresh)
        self.duplicate += len(fresh) - sum(fresh)
        self.last_at = time.monotonic()


def consume(
    settings: Settings,
    url: str,
    *,
    idle_seconds: float | None = None,
    seal_seconds: float = 5.0,
) -> Consumed:
    """Consume until SIGTERM or SIGINT, or until nothing came for ``idle_seconds``.

    Raises
    ------
    BadBrokerUrl, BrokerUnreachable, DatabaseUnreachable
    """
    place = Place.of(url)
    engine = open_engine(settings)
    try:
        consumer = _Consumer(settings, engine, place)
        return asyncio.run(consumer.run(idle_seconds=idle_seconds, seal_seconds=seal_seconds))
    finally:
        engine.dispose()


class _Consumer:
    """One run: a broker, a writer thread and a sealing task."""

    def __init__(self, settings: Settings, engine: Engine, place: Place) -> None:
        self._settings = settings
        self._engine = engine
        self._place = place
        self._writer: GroupWorker[Message, bool] = GroupWorker(
            self._write, name="retrace-inbox", limit=TOGETHER
        )
        self._stopping = asyncio.Event()
        self.consumed = Consumed()

    async def run(self, *, idle_seconds: float | None, seal_seconds: float) -> Consumed:
        """Consume until told to stop, then finish what is under way and seal it."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            with suppress(ValueError, RuntimeError):  # not in the main thread
                loop.add_signal_handler(number, self._stopping.set)
        await _reach(self._place)
        broker = SUBSCRIPTIONS[self._place.kind](self._place, self.take)
        sealing = asyncio.create_task(self._seal_now_and_then(seal_seconds))
        try:
            await _started(broker, self._place)
            log.info("consuming %s", self._place)
            await self._until_stopped(idle_seconds)
        finally:
            self._stopping.set()
            await broker.stop()
            sealing.cancel()
            with suppress(asyncio.CancelledError):
                await sealing
            await asyncio.to_thread(self._writer.close)
        await asyncio.to_thread(self._seal)
        return self.consumed

    async def take(self, messages: Sequence[Message]) -> bool:
        """Store messages; True once all are committed and may be acknowledged.

        While the database is away it is tried again; False if we are told to stop meanwhile.
        """
        pause, left = _FIRST_PAUSE_SECONDS, list(messages)
        while left:
            outcomes = await asyncio.gather(*map(self._writer.submit, left), return_exceptions=True)
            failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
            for failure in failures:
                if not isinstance(failure, (sa.exc.DBAPIError, OSError)):
                    raise failure
            left = [
                message
                for message, outcome in zip(left, outcomes, strict=True)
                if isinstance(outcome, BaseException)
            ]
            if not left:
                break
            log.warning("not stored, trying again: %s", str(failures[0]).splitlines()[0])
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
            if self._stopping.is_set():
                return False
            pause = min(pause * 2, 5.0)
        return True

    async def _until_stopped(self, idle_seconds: float | None) -> None:
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), 0.2)
            idle = time.monotonic() - self.consumed.last_at
            if idle_seconds is not None and idle > idle_seconds:
                return

    async def _seal_now_and_then(self, every_seconds: float) -> None:
        while True:
            await asyncio.sleep(every_seconds)
            await asyncio.to_thread(self._seal)

    def _seal(self) -> None:
        from ingestion.sealing import seal

        try:
            if has_waiting(self._engine):
                seal(self._settings, self._engine)
        except HomeIsBusy as error:
            log.info("%s The messages wait in the inbox.", error)
        except (RetraceError, sa.exc.DBAPIError, OSError) as error:
            log.warning("not sealed, trying again later: %s", str(error).splitlines()[0])

    def _write(self, messages: Sequence[Message]) -> Sequence[bool]:
        with writing(self._engine) as connection:
            fresh = store(connection, messages, now=utc_now())
        self.consumed.count(fresh)
        return fresh


async def _reach(place: Place) -> None:
    try:
        async with asyncio.timeout(10):
            _, writer = await asyncio.open_connection(place.host, place.port)
    except (OSError, TimeoutError) as error:
        raise BrokerUnreachable(str(place), error.__class__.__name__) from error
    writer.close()


async def _started(broker: Any, place: Place) -> None:
    try:
        if why := await missing_topic(place):
            raise BrokerUnreachable(str(place), why)
        await broker.start()
    except RetraceError:
        raise
    except Exception as error:  # each client has its own; whichever it is, we cannot consume
        raise BrokerUnreachable(str(place), str(error) or error.__class__.__name__) from error
