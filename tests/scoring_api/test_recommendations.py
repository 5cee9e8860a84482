import json
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ingestion.database import RECOMMENDATIONS, engine
from scoring_api.payloads import ReturnLine

NOON = datetime(2026, 6, 30, 12, tzinfo=UTC)


def test_a_line_gets_a_numbered_recommendation_that_expires(make_client, line):
    client = make_client(now=lambda: NOON)
    answer = client.post("/v1/recommendations", json=line)
    assert answer.status_code == 200
    body = answer.json()
    assert body["recommendation_id"].startswith("rec_")
    assert body["return_line_id"] == line["return_line_id"]
    assert body["disposition"]["recommended"] == "RESTOCK"
    assert body["not_available"] == ["fraud"]
    assert body["given_at"] == "2026-06-30T12:00:00+00:00"
    assert body["expires_at"] == "2026-07-01T12:00:00+00:00"


def test_the_same_recommendation_can_be_read_again(client, line):
    given_now = client.post("/v1/recommendations", json=line)
    read = client.get(f"/v1/recommendations/{given_now.json()['recommendation_id']}")
    assert read.status_code == 200
    assert read.content == given_now.content


def test_a_recommendation_is_stored_before_it_is_answered(client, line, settings):
    body = client.post("/v1/recommendations", json=line).json()
    with engine(settings).connect() as connection:
        [row] = connection.execute(sa.select(RECOMMENDATIONS)).all()
    assert row.recommendation_id == body["recommendation_id"]
    assert row.site == line["site"]
    assert len(row.input_hash) == 64
    assert "disposition 1" in row.models
    assert line["note"] not in row.answer


def test_only_known_fields_that_were_sent_reach_the_models(client, line):
    body = client.post("/v1/recommendations", json={**line, "colour": "red", "grade": None}).json()
    assert body["known"] == sorted([*line, "as_of"])
    assert body["ignored"] == ["colour"]


def test_advice_is_for_now_unless_said_otherwise(make_client, line):
    client = make_client(now=lambda: NOON)
    body = client.post("/v1/recommendations", json=line).json()
    assert body["as_of"] == "2026-06-30T12:00:00+00:00"


def test_every_field_the_models_read_can_be_sent():
    from models import disposition, policy, reason

    read = {*disposition.FIELDS, *policy.FIELDS, *reason.FIELDS}
    assert read <= set(ReturnLine.model_fields)


def test_the_moment_of_knowledge_reaches_the_models(client, line):
    body = client.post(
        "/v1/recommendations", json={**line, "as_of": "2026-06-01T10:00:00.123456789+02:00"}
    ).json()
    assert body["as_of"] == "2026-06-01T10:00:00.123456+02:00"


@pytest.mark.parametrize(
    ("field", "value", "pointer"),
    [
        ("quantity", 0, "#/quantity"),
        ("quantity", "2", "#/quantity"),
        ("quantity", True, "#/quantity"),
        ("unit_price", -1, "#/unit_price"),
        ("as_of", "2026-06-01T10:00:00", "#/as_of"),
        ("as_of", "2026-13-01T10:00:00Z", "#/as_of"),
        ("as_of", 1_800_000_000, "#/as_of"),
        ("site", "", "#/site"),
        ("site", "DC\x001", "#/site"),
        ("return_line_id", "x" * 201, "#/return_line_id"),
        ("note", "x" * 4001, "#/note"),
    ],
)
def test_a_wrong_value_is_pointed_at(client, line, field, value, pointer):
    answer = client.post("/v1/recommendations", json={**line, field: value})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize("field", ["return_line_id", "site", "sku", "quantity"])
def test_a_missing_field_is_pointed_at(client, line, field):
    del line[field]
    answer = client.post("/v1/recommendations", json=line)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"pointer": f"#/{field}", "detail": "Field required"}]


def test_numbers_json_does_not_have_are_refused(client, line):
    body = '{"return_line_id":"a","site":"b","sku":"c","quantity":NaN}'
    answer = client.post(
        "/v1/recommendations", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/quantity"


def test_an_unknown_recommendation_is_not_found(client):
    assert client.get("/v1/recommendations/rec_none").status_code == 404


def test_a_failing_model_is_a_500_that_tells_nothing(client, line, caplog):
    answer = client.post("/v1/recommendations", json={**line, "sku": "BROKEN-SKU"})
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "stumbled" not in answer.text
    assert answer.headers["x-request-id"] in caplog.text


def test_without_a_promoted_model_the_answer_is_503(make_client, line):
    client = make_client(scorer=None)
    answer = client.post("/v1/recommendations", json=line)
    assert answer.status_code == 503
    assert "retrace promote" in answer.json()["detail"]
    assert answer.headers["retry-after"] == "30"


TEXT = st.text(st.characters(codec=None))
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@hypothesis_settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    changes=st.dictionaries(
        st.sampled_from(sorted(ReturnLine.model_fields)) | TEXT, JSON, max_size=4
    )
)
def test_no_json_object_brings_the_service_down(client, line, changes):
    content = json.dumps({**line, **changes})
    answer = client.post(
        "/v1/recommendations", content=content, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code in {200, 422}
    if answer.status_code == 200:
        read = client.get(f"/v1/recommendations/{answer.json()['recommendation_id']}")
        assert read.content == answer.content
