import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from scoring_api.config import Limits

URL = "/v1/recommendations"
JSON = {"Content-Type": "application/json"}


def test_a_body_too_large_by_its_header_is_refused_unread(make_client, line):
    client = make_client(limits=Limits(body_bytes=2_000))
    answer = client.post(URL, json={**line, "note": "x" * 2_000})
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert "2,000 bytes" in answer.json()["detail"]


def test_a_body_without_length_is_counted_as_it_comes(make_client):
    client = make_client(limits=Limits(body_bytes=2_000))
    sent = []

    def chunks():
        for _ in range(100):
            sent.append(1)
            yield b" " * 500

    answer = client.post(URL, content=chunks(), headers=JSON)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_batch_may_be_larger_than_a_line_but_has_a_bound_too(make_client, line):
    client = make_client(limits=Limits(body_bytes=2_000, batch_bytes=5_000))
    body = {"lines": [{**line, "note": "x" * 3_000}]}
    assert client.post(f"{URL}:batch", json=body).status_code == 200
    body["lines"].append(body["lines"][0])
    assert client.post(f"{URL}:batch", json=body).status_code == 413


def test_the_documented_bounds_are_the_default(client, line):
    assert client.post(URL, json={**line, "x": "y" * 1_048_577}).status_code == 413
    assert client.post(URL, json={**line, "x": "y" * 900_000}).status_code == 200


def test_one_request_too_many_is_refused_and_the_others_are_not(make_client, line, RuleScorer):
    entered, leave = threading.Semaphore(0), threading.Event()

    class SlowScorer(RuleScorer):
        def score(self, lines):
            entered.release()
            assert leave.wait(10)
            return super().score(lines)

    client = make_client(scorer=SlowScorer(), limits=Limits(concurrency=2))
    with ThreadPoolExecutor() as pool:
        first = pool.submit(client.post, URL, json=line)
        assert entered.acquire(timeout=10)
        second = pool.submit(client.post, URL, json=line)
        while "retrace_http_in_flight 2.0" not in client.get("/metrics").text:
            pass
        refused = client.post(URL, json=line)
        assert client.get("/livez").status_code == 200
        leave.set()
        assert {first.result().status_code, second.result().status_code} == {200}
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "1"
    assert refused.headers["content-type"] == "application/problem+json"
    assert client.post(URL, json=line).status_code == 200


def test_a_key_that_asks_too_often_is_told_when_to_come_back(make_client, line):
    client = make_client(limits=Limits(rate="3/minute"))
    statuses = [client.post(URL, json=line).status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    answer = client.post(URL, json=line)
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert answer.headers["content-type"] == "application/problem+json"
    assert client.get("/v1/models").status_code == 200  # a rate counts one operation


def test_one_key_does_not_use_up_the_rate_of_another(make_client, line):
    limits = Limits(rate="1/minute")
    one = make_client(limits=limits)
    assert one.post(URL, json=line).status_code == 200
    assert one.post(URL, json=line).status_code == 429
    assert make_client(limits=limits).post(URL, json=line).status_code == 200


@pytest.mark.parametrize("path", ["/livez", "/nothing", "/v1/models", "/docs"])
def test_every_answer_carries_the_security_headers(client, path):
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"


def test_a_request_keeps_the_id_it_came_with(client):
    answer = client.get("/livez", headers={"X-Request-Id": "mine-1.2_3"})
    assert answer.headers["x-request-id"] == "mine-1.2_3"


@pytest.mark.parametrize("bad", ["a b", "x" * 65, "<script>", ""])
def test_an_id_that_could_do_harm_is_replaced(client, bad):
    assert client.get("/livez", headers={"X-Request-Id": bad}).headers["x-request-id"] != bad


def test_a_trace_is_continued(client, line, caplog):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    with caplog.at_level("INFO", logger="retrace.api.access"):
        answer = client.post(URL, json=line, headers=headers)
    assert answer.headers["x-request-id"] == trace
    assert f'"trace_id":"{trace}"' in caplog.text


def test_the_log_tells_who_and_what_but_never_the_body(client, line, caplog):
    with caplog.at_level("INFO", logger="retrace.api.access"):
        client.post(URL, json=line)
    [record] = caplog.records
    assert '"operation":"recommend"' in record.message
    assert '"status":200' in record.message
    assert client.headers["Authorization"].split("_")[1] in record.message
    assert line["note"] not in caplog.text
    assert client.headers["Authorization"].split("_", 2)[2] not in caplog.text
