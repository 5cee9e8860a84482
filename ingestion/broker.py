"""Consuming a message broker: stored first, acknowledged after the commit, sealed in between.

``nats://HOST:PORT?stream=S[&subject=X][&durable=D]`` reads a JetStream stream,
``amqp://USER:PASSWORD@HOST:PORT/VHOST?queue=Q`` a RabbitMQ queue. Streams and queues belong to the
broker's owner: they must exist. A crash, a restart of the broker or of the database makes the
broker deliver again, and the inbox knows what it already has.
"""

import asyncio
import hashlib
import json
import logging
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from ingestion.database import engine as open_engine
from ingestion.database import writing
from ingestion.errors import HomeIsBusy, RetraceError
from ingestion.inbox import Message, has_waiting, store
from ingestion.intake import utc_now
from ingestion.settings import Settings
from ingestion.workers import GroupWorker

TOGETHER = 200
"""Messages under way at once: what one commit may store, and what a crash makes come again."""

PORTS = {"nats": 4222, "amqp": 5672}
_ACK_SECONDS = 10
_FIRST_PAUSE_SECONDS = 0.2

log = logging.getLogger("retrace.consume")


class BadBrokerUrl(RetraceError):
    """The URL does not say which stream or queue to read."""


class BrokerUnreachable(RetraceError):
    """Nobody answers at the broker's address, or it has no such stream or queue."""

    def __init__(self, place: str, why: object) -> None:
        self.place = place
        super().__init__(f"Cannot consume {place}: {why}. Check the address and that it exists.")


@dataclass(frozen=True, slots=True)
class Place:
    """Where messages come from, taken from a URL.

    Parameters
    ----------
    name : str
        Of the stream or queue; ``kind:name`` is the source of messages that name none.
    """

    kind: str
    url: str
    host: str
    port: int
    name: str
    subject: str | None
    durable: str

    @property
    def source(self) -> str:
        return f"{self.kind}:{self.name}"

    @classmethod
    def of(cls, url: str) -> "Place":
        """Read a URL.

        Raises
        ------
        BadBrokerUrl
        """
        parts = urlsplit(url)
        asked = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        wanted = {"nats": "stream", "amqp": "queue"}.get(parts.scheme)
        if wanted is None:
            raise BadBrokerUrl(
                f"{parts.scheme or url!r} is no broker Retrace can consume. "
                "Use nats://HOST:PORT?stream=NAME or amqp://USER:PASSWORD@HOST:PORT/?queue=NAME"
            )
        name = asked.get(wanted)
        if not name or not parts.hostname:
            raise BadBrokerUrl(
                f"{_shown(parts)} does not say what to read. "
                f"Write {parts.scheme}://HOST:PORT?{wanted}=NAME"
            )
        return cls(
            kind=parts.scheme,
            url=parts._replace(query="").geturl(),
            host=parts.hostname,
            port=parts.port or PORTS[parts.scheme],
            name=name,
            subject=asked.get("subject"),
            durable=asked.get("durable", "retrace"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r} at {self.host}:{self.port}"


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


def to_message(
    place: Place, body: bytes, *, named: str | None, content_type: str | None
) -> Message:
    """Identify a message: by itself if it is a CloudEvent, else by ``named``, else by its bytes."""
    with suppress(ValueError, RecursionError):
        said = json.loads(body)
        if isinstance(said, dict) and "specversion" in said:
            source, name = said.get("source"), said.get("id")
            if _usable(source) and _usable(name):
                return Message(str(source), str(name), place.kind, body, content_type)
    own = named if _usable(named) else f"sha256:{hashlib.sha256(body).hexdigest()}"
    return Message(place.source, str(own), place.kind, body, content_type)


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
        broker = _BROKERS[self._place.kind](self._place, self.take)
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

    async def take(self, message: Message) -> bool:
        """Store a message; True once it is committed and may be acknowledged.

        While the database is away it is tried again; False if we are told to stop meanwhile.
        """
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                await self._writer.submit(message)
                return True
            except (sa.exc.DBAPIError, OSError) as error:
                log.warning("not stored, trying again: %s", str(error).splitlines()[0])
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
            if self._stopping.is_set():
                return False
            pause = min(pause * 2, 5.0)

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


Take = Callable[[Message], Any]


def _nats(place: Place, take: Take) -> Any:
    from faststream import AckPolicy
    from faststream.nats import JStream, NatsBroker, NatsMessage, PullSub
    from nats.js.api import ConsumerConfig

    broker = NatsBroker(place.url, logger=None, max_reconnect_attempts=-1)

    @broker.subscriber(
        place.subject or ">",
        stream=JStream(place.name, declare=False),
        durable=place.durable,
        config=ConsumerConfig(ack_wait=_ACK_SECONDS),
        pull_sub=PullSub(batch_size=TOGETHER, timeout=1.0),
        max_workers=TOGETHER,
        ack_policy=AckPolicy.MANUAL,
    )
    async def handle(_body: Any, message: NatsMessage) -> None:
        at = message.raw_message.metadata.sequence.stream
        named = message.headers.get("Nats-Msg-Id") or f"{place.name}/{at}"
        body = message.raw_message.data
        if await take(to_message(place, body, named=named, content_type=message.content_type)):
            await message.ack()

    return broker


def _amqp(place: Place, take: Take) -> Any:
    from faststream import AckPolicy
    from faststream.rabbit import Channel, RabbitBroker, RabbitMessage, RabbitQueue

    broker = RabbitBroker(place.url, logger=None, default_channel=Channel(prefetch_count=TOGETHER))

    @broker.subscriber(RabbitQueue(place.name, declare=False), ack_policy=AckPolicy.MANUAL)
    async def handle(_body: Any, message: RabbitMessage) -> None:
        raw = message.raw_message
        said = to_message(place, raw.body, named=raw.message_id, content_type=raw.content_type)
        if await take(said):
            await message.ack()

    return broker


_BROKERS: dict[str, Callable[[Place, Take], Any]] = {"nats": _nats, "amqp": _amqp}


async def _reach(place: Place) -> None:
    try:
        async with asyncio.timeout(10):
            _, writer = await asyncio.open_connection(place.host, place.port)
    except (OSError, TimeoutError) as error:
        raise BrokerUnreachable(str(place), error.__class__.__name__) from error
    writer.close()


async def _started(broker: Any, place: Place) -> None:
    try:
        await broker.start()
    except Exception as error:  # each client has its own; whichever it is, we cannot consume
        raise BrokerUnreachable(str(place), str(error) or error.__class__.__name__) from error


def _usable(name: object) -> bool:
    return isinstance(name, str) and 0 < len(name) <= 300 and name.isprintable()


def _shown(parts: SplitResult) -> str:
    return f"{parts.scheme}://{unquote(parts.hostname or '')}"
