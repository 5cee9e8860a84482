import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from ingestion.database import AUDIT, IDEMPOTENCY, RECOMMENDATIONS

URL = "/v1/recommendations"


def rows(client, table):
    with client.app.state.service.engine.connect() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar()


@pytest.mark.parametrize("path", [URL, f"{URL}:batch"])
def test_a_retry_gets_the_first_answer_and_nothing_is_done_twice(client, line, path):
    body = {"lines": [line]} if path.endswith("batch") else line
    headers = {"Idempotency-Key": "order-1"}
    first = client.post(path, json=body, headers=headers)
    again = client.post(path, json=body, headers=headers)
    assert again.status_code == first.status_code == 200
    assert again.content == first.content
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert rows(client, RECOMMENDATIONS) == 1
    assert rows(client, AUDIT) == 2


def test_feedback_is_stored_once(client, line):
    given = client.post(URL, json=line).json()["recommendation_id"]
    body = {"recommendation_id": given, "decision": "accepted"}
    first = client.post("/v1/feedback", json=body, headers={"Idempotency-Key": "f"})
    again = client.post("/v1/feedback", json=body, headers={"Idempotency-Key": "f"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content


def test_the_key_is_required_on_none(client, line):
    first, second = client.post(URL, json=line), client.post(URL, json=line)
    assert first.json()["recommendation_id"] != second.json()["recommendation_id"]


def test_another_payload_under_the_same_key_is_refused(client, line):
    headers = {"Idempotency-Key": "k"}
    client.post(URL, json=line, headers=headers)
    answer = client.post(URL, json={**line, "sku": "OTHER"}, headers=headers)
    assert answer.status_code == 422
    assert "another request" in answer.json()["detail"]
    other_operation = client.post(f"{URL}:batch", json={"lines": [line]}, headers=headers)
    assert other_operation.status_code == 422


def test_keys_of_two_callers_are_two_keys(make_client, line):
    headers = {"Idempotency-Key": "shared"}
    first = make_client().post(URL, json=line, headers=headers)
    second = make_client().post(URL, json=line, headers=headers)
    assert first.json()["recommendation_id"] != second.json()["recommendation_id"]


def test_a_key_is_forgotten_after_a_day(make_client, line):
    clock = [datetime(2026, 6, 30, tzinfo=UTC)]
    client = make_client(now=lambda: clock[0])
    headers = {"Idempotency-Key": "k"}
    first = client.post(URL, json=line, headers=headers)
    clock[0] += timedelta(hours=23, minutes=59)
    assert client.post(URL, json=line, headers=headers).content == first.content
    clock[0] += timedelta(minutes=1)
    assert client.post(URL, json=line, headers=headers).content != first.content
    assert rows(client, IDEMPOTENCY) == 1


def test_a_refused_request_may_be_mended_under_its_key(client, line):
    headers = {"Idempotency-Key": "k"}
    assert client.post(URL, json={**line, "quantity": 0}, headers=headers).status_code == 422
    assert client.post(URL, json=line, headers=headers).status_code == 200


@pytest.mark.parametrize("key", ["", "x" * 256, "two words", "tab\tbed"])
def test_a_key_that_cannot_be_kept_is_refused(client, line, key):
    answer = client.post(URL, json=line, headers={"Idempotency-Key": key})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "Idempotency-Key"


def test_a_retry_while_the_first_is_being_worked_on_gets_409(make_client, line, RuleScorer):
    entered, leave = threading.Event(), threading.Event()

    class SlowScorer(RuleScorer):
        def score(self, lines):
            entered.set()
            assert leave.wait(10)
            return super().score(lines)

    client = make_client(scorer=SlowScorer())
    headers = {"Idempotency-Key": "k"}
    with ThreadPoolExecutor() as pool:
        first = pool.submit(client.post, URL, json=line, headers=headers)
        assert entered.wait(10)
        second = client.post(URL, json=line, headers=headers)
        leave.set()
        assert first.result().status_code == 200
    assert second.status_code == 409
    assert second.headers["retry-after"] == "1"
    again = client.post(URL, json=line, headers=headers)
    assert again.content == first.result().content


def test_two_processes_that_race_with_one_key_give_one_answer(make_client, line, RuleScorer):
    """Two apps over one database do not share memory: the unique row decides."""
    barrier = threading.Barrier(2, timeout=10)

    class MeetingScorer(RuleScorer):
        def score(self, lines):
            barrier.wait()
            return super().score(lines)

    one, two = make_client(scorer=MeetingScorer()), make_client(scorer=MeetingScorer(), key=False)
    headers = {"Idempotency-Key": "k", "Authorization": one.headers["Authorization"]}
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda c: c.post(URL, json=line, headers=headers), [one, two]))
    assert {answer.status_code for answer in answers} == {200}
    assert answers[0].content == answers[1].content
    assert rows(one, RECOMMENDATIONS) == 1
