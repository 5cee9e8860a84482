import asyncio
import json
import random
import signal
import subprocess
import sys
import threading
import time
import uuid

import pytest

from ingestion.broker import BadBrokerUrl, BrokerUnreachable, Place, consume, to_message
from ingestion.database import engine
from ingestion.inbox import counts
from ingestion.lake import Lake
from ingestion.status import status

CONSUME = (
    "import sys; from ingestion.broker import consume; from ingestion.settings import Settings;"
    "consume(Settings.load(sys.argv[1]), sys.argv[2], seal_seconds=0.3)"
)


def event(n, **changes):
    said = {
        "specversion": "1.0",
        "id": f"b{n}",
        "source": "/mq",
        "type": "Receive",
        "subject": f"R{n}:1",
        "time": "2026-06-01T10:00:00Z",
    }
    return json.dumps(said | changes).encode()


class Nats:
    """A stream of its own, gone afterwards."""

    def __init__(self, server):
        self.server, self.name = server, f"RETRACE{uuid.uuid4().hex[:10]}"
        self.url = f"{server}?stream={self.name}"
        self._do(lambda js: js.add_stream(name=self.name, subjects=[f"{self.name}.>"]))

    def _do(self, work):
        import nats

        async def run():
            connection = await nats.connect(self.server)
            answer = await work(connection.jetstream())
            await connection.close()
            return answer

        return asyncio.run(run())

    def publish(self, bodies):
        async def work(js):
            for body in bodies:
                await js.publish(f"{self.name}.x", body)

        self._do(work)

    def waiting(self):
        async def work(js):
            found = await js.consumer_info(self.name, "retrace")
            return found.num_ack_pending + found.num_pending

        return self._do(work)

    def remove(self):
        self._do(lambda js: js.delete_stream(self.name))


class Amqp:
    """A queue of its own, gone afterwards."""

    def __init__(self, server):
        self.server, self.name = server, f"retrace-{uuid.uuid4().hex[:10]}"
        self.url = f"{server}?queue={self.name}"
        self._do(lambda channel: channel.declare_queue(self.name, durable=True))

    def _do(self, work):
        import aio_pika

        async def run():
            connection = await aio_pika.connect(self.server)
            answer = await work(await connection.channel())
            await connection.close()
            return answer

        return asyncio.run(run())

    def publish(self, bodies):
        import aio_pika

        async def work(channel):
            for body in bodies:
                await channel.default_exchange.publish(aio_pika.Message(body), self.name)

        self._do(work)

    def waiting(self):
        async def work(channel):
            queue = await channel.declare_queue(self.name, durable=True)
            return queue.declaration_result.message_count

        return self._do(work)

    def remove(self):
        self._do(lambda channel: channel.queue_delete(self.name))


class Kafka:
    """A topic of its own in the cluster that the client library brings (or in a real one)."""

    def __init__(self, server):
        self.server, self.name = server, f"retrace-{uuid.uuid4().hex[:10]}"
        self.url = f"kafka://{server}/{self.name}"
        self.publish([])

    def publish(self, bodies):
        from confluent_kafka import Producer

        producer = Producer({"bootstrap.servers": self.server})
        producer.list_topics(self.name)  # creates it
        for body in bodies:
            producer.produce(self.name, body)
        assert producer.flush(30) == 0

    def waiting(self):
        """Messages behind the offsets the consumer group has committed."""
        from confluent_kafka import Consumer, TopicPartition

        consumer = Consumer({"bootstrap.servers": self.server, "group.id": "retrace"})
        partitions = consumer.list_topics(self.name).topics[self.name].partitions
        committed = consumer.committed([TopicPartition(self.name, n) for n in partitions])
        ends = [consumer.get_watermark_offsets(one)[1] for one in committed]
        consumer.close()
        return sum(ends) - sum(max(one.offset, 0) for one in committed)

    def remove(self):
        """The cluster goes with the test run."""


@pytest.fixture(params=["nats", "amqp", "kafka"])
def broker(request):
    server = request.getfixturevalue(f"{request.param}_url")
    made = {"nats": Nats, "amqp": Amqp, "kafka": Kafka}[request.param](server)
    yield made
    made.remove()


def ask(settings, query):
    return Lake(settings.home).connect().execute(query).fetchall()


@pytest.mark.service
def test_messages_are_stored_acknowledged_and_sealed(broker, settings):
    broker.publish([event(n % 40) for n in range(50)])
    done = consume(settings, broker.url, idle_seconds=2)
    assert (done.received, done.stored, done.duplicate) == (50, 40, 10)
    assert ask(settings, "select count(*), count(distinct case_id) from events") == [(40, 40)]
    assert broker.waiting() == 0
    assert consume(settings, broker.url, idle_seconds=1).received == 0


@pytest.mark.service
def test_a_poison_message_is_kept_and_the_ones_behind_it_come_through(broker, settings):
    broker.publish([b"\xff\x00 poison", event(1), b"", b"[1]", event(2)])
    consume(settings, broker.url, idle_seconds=2)
    assert ask(settings, "select count(*) from events") == [(2,)]
    raw = [bytes(row[0]) for row in ask(settings, "select raw from quarantine")]
    assert len(raw) == 3
    assert any(b"poison" in row for row in raw)
    assert broker.waiting() == 0


@pytest.mark.service
def test_sigterm_finishes_what_is_under_way(broker, settings):
    broker.publish([event(n) for n in range(300)])
    worker = subprocess.Popen([sys.executable, "-c", CONSUME, str(settings.home), broker.url])
    database = engine(settings)
    deadline = time.monotonic() + 30
    while not counts(database) and time.monotonic() < deadline:
        time.sleep(0.05)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0
    [count] = counts(database)
    database.dispose()
    assert count.waiting == 0
    assert ask(settings, "select count(*) from events") == [(count.stored,)]


@pytest.mark.service
@pytest.mark.parametrize(
    "rounds",
    [20, pytest.param(200, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])],
    ids=["20", "200"],
)
def test_kill_9_loses_nothing_and_doubles_nothing(broker, settings, nursery, rounds):
    dice = random.Random(rounds)
    published = [event(n) for n in range(rounds * 100)]
    publishing = threading.Thread(target=broker.publish, args=[published])
    publishing.start()
    for _ in range(rounds):
        worker = nursery.start(CONSUME, settings.home, broker.url)
        time.sleep(dice.uniform(0.1, 1.0))
        nursery.kill(worker)
    publishing.join()
    consume(settings, broker.url, idle_seconds=12 if isinstance(broker, (Nats, Kafka)) else 3)
    stored = [name for (name,) in ask(settings, "select message_id from events")]
    assert sorted(stored) == sorted(f"b{n}" for n in range(len(published)))
    assert status(Lake(settings.home)).unbalanced == []
    assert broker.waiting() == 0


@pytest.mark.service
def test_a_stream_or_queue_that_is_not_there_is_one_clear_sentence(broker, settings):
    url = broker.url + "-nope"
    with pytest.raises(BrokerUnreachable, match="-nope"):
        consume(settings, url, idle_seconds=1)


def test_a_broker_that_does_not_answer_is_one_clear_sentence(settings):
    with pytest.raises(BrokerUnreachable, match="ConnectionRefused") as caught:
        consume(settings, "amqp://user:secret@127.0.0.1:1/?queue=q", idle_seconds=1)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nats://host", "stream=NAME"),
        ("amqp://user:secret@host/", "queue=NAME"),
        ("kafka://user:secret@host?topic=t", "kafka://HOST:PORT/TOPIC"),
        ("nonsense", "nonsense"),
        ("nats://?stream=s", "HOST"),
    ],
)
def test_a_url_that_does_not_say_what_to_read_is_one_clear_sentence(url, words):
    with pytest.raises(BadBrokerUrl, match=words) as caught:
        Place.of(url)
    assert "secret" not in str(caught.value)


def test_a_message_is_known_by_itself_else_by_its_broker_else_by_its_bytes():
    place = Place.of("amqp://h/?queue=q")

    def identity(body, named=None):
        message = to_message(place, body, named=named, content_type=None)
        return message.source, message.message_id

    assert identity(event(1), "n") == ("/mq", "b1")
    assert identity(b"{}", "n") == ("amqp:q", "n")
    assert identity(event(1, id=""), "n") == ("amqp:q", "n")
    source, name = identity(b"{}")
    assert (source, name[:7], len(name)) == ("amqp:q", "sha256:", 71)
    assert identity(b"{}") != identity(b"[]")
