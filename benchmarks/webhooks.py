"""Acknowledged webhook events per second: one server process, batches of 100, kept-alive senders.

    python -P benchmarks/webhooks.py FOLDER EVENTS

``benchmarks/ingestion.py`` runs it (``-P``: files beside this one must not hide the packages) and
prints its JSON as a row. An event counts when the answer to its batch has arrived, which
is after the commit (SQLite, WAL, ``synchronous = FULL``). The process that seals the inbox into the
lake runs beside the server, as it does in service.
"""

import json
import socket
import subprocess
import sys
import threading
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psutil

from ingestion.database import engine
from ingestion.settings import Settings
from scoring_api.keys import create_key

BATCH = 100
SENDERS = 4
SERVE = (
    "import sys; from scoring_api.server import serve; from ingestion.settings import Settings;"
    "serve(Settings.load(sys.argv[1]), '127.0.0.1', int(sys.argv[2]))"
)


def measure(folder: Path, events: int) -> dict[str, Any]:
    """Push events and answer how many were acknowledged, in what time, with what peak memory."""
    home = folder / "home-webhook"
    database = engine(Settings.load(home))
    headers = {
        "Authorization": f"Bearer {create_key(database, 'bench')[1]}",
        "Content-Type": "application/cloudevents-batch+json",
    }
    database.dispose()
    bodies = [_batch(number) for number in range(events // BATCH)]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-P", "-c", SERVE, str(home), str(port)], stderr=subprocess.DEVNULL
    )
    try:
        _wait(port)
        process = psutil.Process(server.pid)
        busy = sum(process.cpu_times()[:2])
        stored: list[int] = []
        started = time.perf_counter()
        senders = [
            threading.Thread(target=_send, args=(port, headers, bodies[n::SENDERS], stored))
            for n in range(SENDERS)
        ]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        wall = time.perf_counter() - started
        peak = process.memory_info().rss
        busy = sum(process.cpu_times()[:2]) - busy
    finally:
        server.terminate()
        server.wait(60)
    return {"events": sum(stored), "wall": wall, "cpu": busy, "peak_mb": peak / 2**20}


def _batch(number: int) -> bytes:
    events = [
        {
            "specversion": "1.0",
            "id": f"{number}-{n}",
            "source": "/dc1/wms",
            "type": "Receive",
            "subject": f"R{number}:{n}",
            "time": "2026-06-01T10:00:00Z",
            "data": {"site": "DC1", "sku": f"SKU-{n:05}", "quantity": 1},
        }
        for n in range(BATCH)
    ]
    return json.dumps(events).encode()


def _wait(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=2).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _send(port: int, headers: dict[str, str], bodies: list[bytes], stored: list[int]) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    for body in bodies:
        connection.request("POST", "/v1/events", body, headers)
        answer = json.loads(connection.getresponse().read())
        stored.append(answer["stored"])
    connection.close()


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), int(sys.argv[2]))))
