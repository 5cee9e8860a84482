"""The API's state in PostgreSQL instead of SQLite."""

import os
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from ingestion.settings import Settings
from scoring_api.audit import verify

POSTGRES = os.environ.get("RETRACE_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/test")

pytestmark = pytest.mark.service


@pytest.fixture
def settings(tmp_path):
    base = sa.create_engine(POSTGRES.replace("postgresql:", "postgresql+psycopg:"))
    schema = f"retrace_{uuid.uuid4().hex[:12]}"
    try:
        with base.begin() as connection:
            connection.execute(sa.text(f"create schema {schema}"))
    except sa.exc.OperationalError:
        base.dispose()
        pytest.skip("no PostgreSQL at RETRACE_TEST_POSTGRES")
    url = f"{POSTGRES}?options=-csearch_path%3D{schema}"
    yield Settings(home=tmp_path / "home", database_url=url)
    with base.begin() as connection:
        connection.execute(sa.text(f"drop schema {schema} cascade"))
    base.dispose()


def test_advice_feedback_and_events_are_stored(client, line):
    headers = {"Idempotency-Key": "k"}
    first = client.post("/v1/recommendations", json=line, headers=headers)
    again = client.post("/v1/recommendations", json=line, headers=headers)
    assert first.status_code == 200
    assert again.content == first.content
    given = first.json()["recommendation_id"]
    assert client.get(f"/v1/recommendations/{given}").content == first.content
    feedback = {"recommendation_id": given, "decision": "accepted", "comment": "a \u0001 b"}
    assert client.post("/v1/feedback", json=feedback).status_code == 201
    event = {"specversion": "1.0", "id": "1", "source": "/a", "type": "t"}
    media_type = {"Content-Type": "application/cloudevents+json"}
    assert client.post("/v1/events", json=event, headers=media_type).json()["stored"] == 1
    assert client.post("/v1/events", json=event, headers=media_type).json()["duplicate"] == 1
    assert client.get("/readyz").status_code == 200
    assert verify(client.app.state.service.engine).broken_at is None


def test_two_servers_on_one_database_make_one_chain(make_client, line):
    one, two = make_client(), make_client()
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(
            lambda n: (one, two)[n % 2].post("/v1/recommendations", json=line), range(80)
        )
        assert {answer.status_code for answer in answers} == {200}
    verdict = verify(one.app.state.service.engine)
    assert (verdict.rows, verdict.broken_at) == (82, None)


def test_text_that_postgresql_cannot_hold_is_refused_or_kept_but_never_fails(client, line):
    noted = {**line, "note": "nul \x00 byte", "condition": "\x00"}
    assert client.post("/v1/recommendations", json=noted).status_code == 200
    given = client.post("/v1/recommendations", json=line).json()["recommendation_id"]
    feedback = {"recommendation_id": given, "decision": "accepted", "comment": "\x00"}
    assert client.post("/v1/feedback", json=feedback).status_code == 422
    assert client.get("/v1/recommendations/a%00b").status_code == 404
    assert client.get("/v1/cases/a%00b").status_code == 404
