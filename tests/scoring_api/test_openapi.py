import json
import re
import socket
import subprocess
import sys
import threading

import pytest
import uvicorn

OPERATIONS = {
    "recommend": ("post", "/v1/recommendations"),
    "recommendBatch": ("post", "/v1/recommendations:batch"),
    "getRecommendation": ("get", "/v1/recommendations/{recommendation_id}"),
    "giveFeedback": ("post", "/v1/feedback"),
    "pushEvents": ("post", "/v1/events"),
    "getCase": ("get", "/v1/cases/{case_id}"),
    "getKpis": ("get", "/v1/kpis"),
    "getBreaks": ("get", "/v1/breaks"),
    "listModels": ("get", "/v1/models"),
    "about": ("get", "/"),
    "livez": ("get", "/livez"),
    "readyz": ("get", "/readyz"),
    "metrics": ("get", "/metrics"),
    "source": ("get", "/source"),
}


@pytest.fixture
def described(client):
    return client.get("/openapi.json").json()


def test_operation_ids_are_a_promise(described):
    found = {
        operation["operationId"]: (method, path)
        for path, operations in described["paths"].items()
        for method, operation in operations.items()
    }
    assert found.items() >= OPERATIONS.items()


def test_every_operation_under_v1_needs_a_key_and_describes_its_problems(described):
    for path, operations in described["paths"].items():
        for operation in operations.values():
            if path.startswith("/v1/"):
                assert operation["security"] == [{"apiKey": []}]
                assert {"401", "429", "500", "503"} <= set(operation["responses"])
            for status, response in operation["responses"].items():
                if not status.startswith("2"):  # problems, every one
                    assert list(response["content"]) == ["application/problem+json"]


def test_the_examples_work_as_they_stand(client, described):
    schemas = described["components"]["schemas"]
    [line] = schemas["ReturnLine"]["examples"]
    [batch] = schemas["Batch"]["examples"]
    [feedback] = schemas["Feedback"]["examples"]
    answer = client.post("/v1/recommendations", json=line)
    assert answer.status_code == 200
    results = client.post("/v1/recommendations:batch", json=batch).json()["results"]
    assert {result["status"] for result in results} == {200}
    feedback["recommendation_id"] = answer.json()["recommendation_id"]
    assert client.post("/v1/feedback", json=feedback).status_code == 201


def test_the_reference_page_shows_every_operation_and_loads_nothing(client, described):
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    for operation in OPERATIONS:
        assert f'id="{operation}"' in page.text
    assert "<script" not in page.text
    assert not re.findall(r"(?:src|href)=\"(?!/|#)", page.text)


def test_the_curl_lines_of_the_reference_page_are_what_the_api_takes(client):
    from html import unescape

    for block in re.findall(r"<pre><code>(.*?)</code></pre>", client.get("/docs").text, re.S):
        command = unescape(block)
        if "-d '" not in command:
            continue
        path = re.search(r"curl http://testserver(\S+)", command)[1]
        body = json.loads(re.search(r"-d '(.*)'$", command, re.S)[1])
        media_type = re.search(r"-H 'Content-Type: (\S+)'", command)[1]
        answer = client.post(path, content=json.dumps(body), headers={"Content-Type": media_type})
        assert answer.status_code in {200, 201, 202, 404}  # 404: feedback on an example's id


@pytest.fixture
def address(client):
    """The app on a real port."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(client.app, lifespan="off", log_level="critical"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listener.close()


def test_schemathesis_finds_nothing_with_all_its_checks(client, address, tmp_path):
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{address}/openapi.json"),
        *("--checks", "all", "--max-examples", "30", "--seed", "1", "--no-color"),
        *("-H", f"Authorization: {client.headers['Authorization']}"),
    ]
    run = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert run.returncode == 0, run.stdout[-6000:]
    assert "❌" not in run.stdout
