"""Services that may run beside the tests; a test that needs an absent one skips."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
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


@pytest.fixture
def free_port():
    """A function that names a port nobody listens at."""

    def find():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            return listener.getsockname()[1]

    return find


class OwnService:
    """A server of one test alone, on a port and a folder of its own; it may be restarted."""

    def __init__(self, command, url, log, **how):
        self.url = url
        self._command, self._log, self._how = command, log, how
        self._process = None

    def start(self):
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, start_new_session=True, **self._how
            )
        parts = urlsplit(self.url)
        deadline = time.monotonic() + 90
        while True:
            try:
                return socket.create_connection((parts.hostname, parts.port), timeout=2).close()
            except OSError:
                assert self._process.poll() is None, self._log.read_text()
                assert time.monotonic() < deadline, self._log.read_text()
                time.sleep(0.1)

    def stop(self, how=signal.SIGTERM):
        """End it by a signal; SIGKILL ends all it started."""
        if how == signal.SIGKILL:
            os.killpg(self._process.pid, how)
        else:
            self._process.send_signal(how)
        self._process.wait(60)


@pytest.fixture
def own_nats(tmp_path, free_port):
    """A NATS server with JetStream."""
    binary = shutil.which("nats-server")
    if not binary:
        pytest.skip("no nats-server on this machine")
    port = free_port()
    command = [binary, "-js", "-a", "127.0.0.1", "-p", str(port), "-sd", str(tmp_path / "nats")]
    server = OwnService(command, f"nats://127.0.0.1:{port}", tmp_path / "nats.log")
    server.start()
    yield server
    server.stop(signal.SIGKILL)


@pytest.fixture
def own_rabbitmq(tmp_path, free_port):
    """A RabbitMQ node."""
    found = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server"))
    if not found:
        pytest.skip("no rabbitmq-server on this machine")
    port = free_port()
    folder = tmp_path / "rabbit"
    folder.mkdir()
    (folder / "plugins").write_text("[].")
    (folder / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{port}\n")
    environment = os.environ | {
        "HOME": str(folder),
        "RABBITMQ_NODENAME": f"retrace{port}@localhost",
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(folder),
        "RABBITMQ_LOG_BASE": str(folder),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
    }
    url = f"amqp://guest:guest@127.0.0.1:{port}/"
    log = tmp_path / "rabbit.log"
    server = OwnService([str(found[-1])], url, log, env=environment)
    server.start()
    yield server
    server.stop(signal.SIGKILL)


@pytest.fixture
def own_postgres(tmp_path, free_port):
    """A PostgreSQL cluster; it refuses to run as root, so root lends it to its usual user."""
    found = shutil.which("initdb") or max(
        map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")), default=None
    )
    if not found:
        pytest.skip("no PostgreSQL binaries on this machine")
    who = {} if os.geteuid() else {"user": "postgres", "group": "postgres", "extra_groups": []}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        if who:
            shutil.chown(folder, **{key: who[key] for key in ("user", "group")})
        data, port = f"{folder}/data", free_port()
        create = [found, "-D", data, "-U", "postgres", "--auth=trust", "--no-sync"]
        subprocess.run(create, check=True, capture_output=True, cwd=folder, **who)
        binary = str(Path(found).resolve().with_name("postgres"))
        command = [binary, "-D", data, "-p", str(port), "-k", folder, "-h", "127.0.0.1"]
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        server = OwnService(command, url, tmp_path / "postgres.log", cwd=folder, **who)
        server.start()
        yield server
        server.stop(signal.SIGQUIT)


NURSERY = """
import json, os, signal, sys
import ingestion.broker, ingestion.intake, ingestion.sealing, scoring_api.server
import faststream.kafka, faststream.nats, faststream.rabbit

print("ready", flush=True)
for line in sys.stdin:
    order, *arguments = json.loads(line)
    if order == "kill":
        for pid in arguments:
            os.killpg(pid, signal.SIGKILL)
        for pid in arguments:
            os.waitpid(pid, 0)
        print("dead", flush=True)
        continue
    pid = os.fork()
    if not pid:
        try:
            os.setsid()
            os.write(1, f"{os.getpid()}\\n".encode())
            sys.stdin.close()
            sys.argv = ["worker", *arguments]
            exec(order, {"__name__": "__main__"})
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(1)
"""


class Nursery:
    """Forks workers from one process that has imported everything, and kills them mercilessly.

    So a round of a crash test costs what its work costs and not what Python's imports cost. Every
    worker leads a process group, which dies as a whole.
    """

    def __init__(self, log):
        self._process = subprocess.Popen(
            [sys.executable, "-c", NURSERY],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        assert self._process.stdout.readline() == "ready\n"

    def start(self, code, *arguments):
        """Run code in a new process with ``sys.argv[1:]``; answer its id."""
        return int(self._say(code, *map(str, arguments)))

    def kill(self, *pids):
        """Kill workers, and what they started, without warning."""
        assert self._say("kill", *pids) == "dead\n"

    def _say(self, *order):
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()

    def close(self):
        self._process.communicate(timeout=30)


@pytest.fixture
def nursery(tmp_path):
    with (tmp_path / "workers.log").open("w") as log:
        made = Nursery(log)
        yield made
        made.close()
