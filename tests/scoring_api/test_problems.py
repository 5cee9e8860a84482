import pytest

PROBLEM = "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1/models/", 404),
        ("PUT", "/livez", 405),
        ("DELETE", "/v1/recommendations", 405),
        ("GET", "/v1/recommendations/rec_x", 404),
        ("POST", "/v1/recommendations", 415),
    ],
)
def test_every_refusal_is_a_problem(client, method, path, status):
    answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == PROBLEM
    body = answer.json()
    assert body["status"] == status
    assert body["instance"] == path
    assert body["type"].startswith("urn:retrace:problem:")
    assert body["title"] and body["detail"]
    assert body["request_id"] == answer.headers["x-request-id"]


def test_a_405_names_what_is_allowed(client):
    assert client.put("/livez").headers["allow"] == "GET"


@pytest.mark.parametrize("content", ["{", "", "[1,", '{"a" 1}', "\x00", '"\\ud8"'])
def test_malformed_json_is_a_400_or_422(client, content):
    answer = client.post(
        "/v1/recommendations", content=content, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == (422 if content == "" else 400)
    assert answer.headers["content-type"] == PROBLEM


def test_bytes_that_are_no_text_are_a_400(client):
    answer = client.post(
        "/v1/recommendations", content=b"\xff\xfe\x00", headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 400


def test_json_nested_too_deeply_is_a_400(client):
    answer = client.post(
        "/v1/recommendations",
        content="[" * 100_000,
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 400


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "multipart/form-data", ""])
def test_only_json_is_read(client, line, media_type):
    import json

    answer = client.post(
        "/v1/recommendations", content=json.dumps(line), headers={"Content-Type": media_type}
    )
    assert answer.status_code == 415


def test_a_pointer_escapes_what_rfc_6901_wants_escaped():
    from scoring_api.problems import field_errors

    [error] = field_errors([{"loc": ("a/b", "c~d", 0), "msg": "no"}])
    assert error["pointer"] == "#/a~1b/c~0d/0"


def test_errors_of_the_layers_below_get_a_status_here_and_nowhere_else():
    from ingestion.errors import EmptyLake, HomeIsBusy, RetraceError
    from scoring_api.problems import to_problem

    assert to_problem(EmptyLake("home")).status_code == 404
    assert to_problem(HomeIsBusy("home")).status_code == 503
    assert to_problem(RetraceError("odd")).status_code == 500
    assert "odd" not in str(to_problem(RetraceError("odd")).detail)
