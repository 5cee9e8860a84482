"""Broker and database restarted under load: the consumer goes on, nothing is lost or doubled."""

import asyncio
import json
import random
import signal
import threading
import time

import pytest

from ingestion.broker import consume
from ingestion.database import engine
from ingestion.inbox import counts
from ingestion.lake import Lake
from ingestion.settings import Settings
from ingestion.status import status

CONSUME = """
import os, sys
os.environ["RETRACE_DATABASE_URL"] = sys.argv[3]
from ingestion.broker import consume
from ingestion.settings import Settings
consume(Settings.load(sys.argv[1]), sys.argv[2], seal_seconds=0.3)
"""
RESTARTS = 3
PAUSE_SECONDS = 0.003

pytestmark = pytest.mark.service


def to_event(number):
    return json.dumps(
        {
            "specversion": "1.0",
            "id": f"e{number}",
            "source": "/mq",
            "type": "Receive",
            "subject": f"R{number}:1",
            "time": "2026-06-01T10:00:00Z",
        }
    ).encode()


class Publisher(threading.Thread):
    """Publishes numbered events and repeats each until the broker has confirmed it."""

    def __init__(self, kind, server):
        super().__init__()
        self._session = {"nats": self._nats, "amqp": self._amqp}[kind]
        self._server, self._going = server, True
        self.confirmed = 0

    def run(self):
        asyncio.run(self._publish())

    async def _publish(self):
        while self._going:
            try:
                async with asyncio.timeout(10):
                    await self._session()
            except Exception:  # noqa: BLE001 - the broker is away: whatever its client says to that
                await asyncio.sleep(0.1)

    async def _nats(self):
        import nats

        async def quiet(_error):
            """The client tells every lost connection twice."""

        connection = await nats.connect(
            self._server, allow_reconnect=False, connect_timeout=1, error_cb=quiet
        )
        try:
            stream = connection.jetstream()
            while self._going:
                await stream.publish("returns.x", to_event(self.confirmed), timeout=2)
                self.confirmed += 1
                await asyncio.sleep(PAUSE_SECONDS)
        finally:
            await connection.close()

    async def _amqp(self):
        import aio_pika

        connection = await aio_pika.connect(self._server, timeout=2)
        async with connection:
            channel = await connection.channel(publisher_confirms=True)
            while self._going:
                message = aio_pika.Message(
                    to_event(self.confirmed), delivery_mode=aio_pika.DeliveryMode.PERSISTENT
                )
                await channel.default_exchange.publish(message, "returns", timeout=2)
                self.confirmed += 1
                await asyncio.sleep(PAUSE_SECONDS)

    def stop(self):
        self._going = False
        self.join(60)


async def make_stream(server):
    import nats
    from nats.js.api import ConsumerConfig

    connection = await nats.connect(server)
    stream = connection.jetstream()
    await stream.add_stream(name="RETURNS", subjects=["returns.>"])
    await stream.add_consumer(
        "RETURNS", ConsumerConfig(durable_name="retrace", ack_wait=2, filter_subject=">")
    )
    await connection.close()


async def make_queue(server):
    import aio_pika

    deadline = time.monotonic() + 60
    while True:  # the port answers before the node does
        try:
            connection = await aio_pika.connect(server, timeout=5)
            break
        except (OSError, aio_pika.exceptions.AMQPError, asyncio.CancelledError):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.2)
    async with connection:
        await (await connection.channel()).declare_queue("returns", durable=True)


@pytest.fixture(params=["nats", pytest.param("amqp", marks=pytest.mark.slow)])
def broker(request):
    """Kind, server and consumer URL of a broker that may be restarted."""
    if request.param == "nats":
        server = request.getfixturevalue("own_nats")
        asyncio.run(make_stream(server.url))
        return "nats", server, f"{server.url}?stream=RETURNS"
    server = request.getfixturevalue("own_rabbitmq")
    asyncio.run(make_queue(server.url))
    return "amqp", server, f"{server.url}?queue=returns"


def stored(settings):
    opened = engine(settings)
    try:
        return sum(count.stored for count in counts(opened))
    finally:
        opened.dispose()


def wait_for_more(settings, than=0, seconds=90):
    """Wait until the inbox holds more messages; it must move on by itself."""
    deadline = time.monotonic() + seconds
    while (now := stored(settings)) <= than:
        assert time.monotonic() < deadline, f"still {now} messages after {seconds} s"
        time.sleep(0.1)
    return now


def assert_all_arrived_once(settings, url, confirmed):
    consume(settings, url, idle_seconds=4)
    con = Lake(settings.home).connect()
    names = [name for (name,) in con.execute("select message_id from events").fetchall()]
    assert len(names) == len(set(names))
    assert {f"e{number}" for number in range(confirmed)} <= set(names)
    assert len(names) <= confirmed + 1  # the last one may have come without its confirmation
    assert status(Lake(settings.home)).balanced
    opened = engine(settings)
    [count] = counts(opened)
    opened.dispose()
    assert count.waiting == 0
    assert count.received == count.stored + count.duplicate


def test_a_broker_restarted_under_load_is_consumed_on(broker, nursery, settings):
    kind, server, url = broker
    publisher = Publisher(kind, server.url)
    publisher.start()
    worker = nursery.start(CONSUME, settings.home, url, settings.database_url)
    seen = wait_for_more(settings)
    for number in range(RESTARTS):
        time.sleep(random.Random(number).uniform(0.1, 0.8))
        server.stop(signal.SIGKILL if number % 2 else signal.SIGTERM)
        seen = stored(settings)
        server.start()
        seen = wait_for_more(settings, seen)
    publisher.stop()
    nursery.kill(worker)
    assert publisher.confirmed > 0
    assert_all_arrived_once(settings, url, publisher.confirmed)


def test_postgresql_restarted_under_load_is_written_on(own_nats, own_postgres, nursery, tmp_path):
    settings = Settings(home=tmp_path / "home", database_url=own_postgres.url)
    asyncio.run(make_stream(own_nats.url))
    url = f"{own_nats.url}?stream=RETURNS"
    publisher = Publisher("nats", own_nats.url)
    publisher.start()
    worker = nursery.start(CONSUME, settings.home, url, settings.database_url)
    seen = wait_for_more(settings)
    for number in range(RESTARTS):
        time.sleep(random.Random(number).uniform(0.1, 0.8))
        own_postgres.stop(signal.SIGQUIT if number % 2 else signal.SIGINT)  # at once, or in order
        time.sleep(0.5)
        own_postgres.start()
        wait_until_it_answers(settings)
        seen = wait_for_more(settings, seen)
    publisher.stop()
    nursery.kill(worker)
    assert_all_arrived_once(settings, url, publisher.confirmed)


def wait_until_it_answers(settings):
    """The port answers while the server still recovers."""
    from ingestion.database import DatabaseUnreachable

    deadline = time.monotonic() + 60
    while True:
        try:
            return engine(settings).dispose()
        except DatabaseUnreachable:
            assert time.monotonic() < deadline
            time.sleep(0.1)
