import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from http.client import HTTPException

import pytest

from ingestion.database import engine
from ingestion.settings import Settings
from scoring_api.audit import verify
from scoring_api.keys import create_key
from scoring_api.payloads import LINE_EXAMPLE
from scoring_api.server import CannotListen, serve

SERVE = "import sys; from scoring_api.server import serve; from ingestion.settings import Settings;"
ONE_REQUEST = """
import json, sys
from starlette.testclient import TestClient
from ingestion.database import engine
from ingestion.settings import Settings
from scoring_api.app import create_app
from scoring_api.keys import create_key
from scoring_api.payloads import LINE_EXAMPLE

settings = Settings.load(sys.argv[1])
database = engine(settings)
headers = {"Authorization": "Bearer " + create_key(database, "test")[1]}
database.dispose()
with TestClient(create_app(settings), headers=headers) as client:
    answer = client.post("/v1/recommendations", json=LINE_EXAMPLE)
forbidden = sorted({"mlflow", "pm4py", "torch"} & set(sys.modules))
print(json.dumps([answer.status_code, answer.json(), forbidden]))
"""


@pytest.fixture
def home(tmp_path, trained_home):
    """A fresh home that serves the trained home's bundle."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "models").symlink_to(trained_home / "models")
    return folder


@pytest.fixture
def key(home):
    database = engine(Settings.load(home))
    _, key = create_key(database, "test")
    database.dispose()
    return key


def ask(url, key=None, body=None, timeout=20):
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=content, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextmanager
def serving(home, tmp_path):
    port = free_port()
    code = f"{SERVE} serve(Settings.load(sys.argv[1]), '127.0.0.1', int(sys.argv[2]))"
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(home), str(port)], stdout=log, stderr=log
        )
        try:
            url = f"http://127.0.0.1:{port}"
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and process.poll() is None:
                try:
                    if ask(f"{url}/readyz")[0] == 200:
                        break
                except (urllib.error.URLError, ConnectionError):
                    time.sleep(0.1)
            yield process, url
        finally:
            process.kill()
            process.wait()


def test_the_serving_process_never_imports_what_could_execute_a_model(home):
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", ONE_REQUEST, str(home)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    status, body, forbidden = json.loads(run.stdout)
    assert status == 200, body
    assert forbidden == []
    assert body["disposition"]["version"]
    assert "fraud" in body["not_available"]


def test_requests_under_way_are_finished_after_sigterm(home, key, tmp_path):
    with serving(home, tmp_path) as (process, url):
        batch = {"lines": [LINE_EXAMPLE] * 600}
        answers = []
        asking = threading.Thread(
            target=lambda: answers.append(ask(f"{url}/v1/recommendations:batch", key, batch))
        )
        asking.start()
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        ready, _ = ask(f"{url}/readyz")
        asking.join(60)
        process.wait(60)
    assert ready == 503
    [(status, body)] = answers
    assert status == 200
    assert {result["status"] for result in body["results"]} == {200}
    database = engine(Settings.load(home))
    assert verify(database).rows == 601
    database.dispose()


def test_what_was_answered_survives_kill_9(home, key, tmp_path):
    with serving(home, tmp_path) as (process, url):
        answered = []

        def ask_on():
            while True:
                try:
                    _, body = ask(f"{url}/v1/recommendations", key, LINE_EXAMPLE)
                except (OSError, HTTPException):  # refused, reset, or cut off in the middle
                    return
                answered.append(body["recommendation_id"])

        asking = [threading.Thread(target=ask_on) for _ in range(4)]
        [thread.start() for thread in asking]
        time.sleep(1.5)
        os.kill(process.pid, signal.SIGKILL)
        [thread.join(30) for thread in asking]
    assert answered
    with serving(home, tmp_path) as (_, url):
        statuses = {ask(f"{url}/v1/recommendations/{i}", key)[0] for i in answered}
    assert statuses == {200}
    database = engine(Settings.load(home))
    assert verify(database).broken_at is None
    database.dispose()


def test_a_port_in_use_is_one_clear_sentence(settings):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen, match=rf"127\.0\.0\.1:{port}.*--port"):
            serve(settings, "127.0.0.1", port)


def test_an_address_that_is_not_ours_is_one_clear_sentence(settings):
    with pytest.raises(CannotListen, match="--host"):
        serve(settings, "192.0.2.1", 0)
