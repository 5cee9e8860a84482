"""Services that may run beside the tests; a test that needs an absent one skips."""

import os
import socket
import uuid
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

POSTGRES = os.environ.get("RETRACE_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/test")
NATS = os.environ.get("RETRACE_TEST_NATS", "nats://127.0.0.1:4222")
AMQP = os.environ.get("RETRACE_TEST_AMQP", "amqp://guest:guest@127.0.0.1:5672/")


@pytest.fixture
def postgres_url():
    """A schema of its own in a running PostgreSQL, gone afterwards."""
    base = sa.create_engine(POSTGRES.replace("postgresql:", "postgresql+psycopg:"))
    schema = f"retrace_{uuid.uuid4().hex[:12]}"
    try:
        with base.begin() as connection:
            connection.execute(sa.text(f"create schema {schema}"))
    except sa.exc.OperationalError:
        base.dispose()
        pytest.skip("no PostgreSQL at RETRACE_TEST_POSTGRES")
    yield f"{POSTGRES}?options=-csearch_path%3D{schema}"
    with base.begin() as connection:
        connection.execute(sa.text(f"drop schema {schema} cascade"))
    base.dispose()


def running(url):
    """The URL of a broker, or a skip where nobody listens."""
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname, parts.port), timeout=2).close()
    except OSError:
        pytest.skip(f"no broker at {parts.hostname}:{parts.port}")
    return url


@pytest.fixture
def nats_url():
    return running(NATS)


@pytest.fixture
def amqp_url():
    return running(AMQP)


@pytest.fixture(scope="session")
def kafka_url():
    """Address of a Kafka cluster: a real one if named, else librdkafka's own, over TCP.

    The built-in cluster speaks the real protocol (produce, fetch, consumer groups, offsets) from
    memory; it is no proof of a real broker's durability.
    """
    named = os.environ.get("RETRACE_TEST_KAFKA")
    if named:
        yield named
        return
    confluent_kafka = pytest.importorskip("confluent_kafka")
    host = confluent_kafka.Producer(
        {"bootstrap.servers": "127.0.0.1:1", "test.mock.num.brokers": 1, "log_level": 0}
    )
    [broker] = host.list_topics(timeout=10).brokers.values()
    yield f"{broker.host}:{broker.port}"
