import pytest

from scoring_api.audit import verify
from scoring_api.desk import GROUP

BATCH = "/v1/recommendations:batch"


def test_results_come_in_the_order_of_the_lines(client, line):
    lines = [{**line, "return_line_id": f"R:{n}"} for n in range(GROUP * 2 + 3)]
    results = client.post(BATCH, json={"lines": lines}).json()["results"]
    assert [r["recommendation"]["return_line_id"] for r in results] == [
        f"R:{n}" for n in range(GROUP * 2 + 3)
    ]
    assert {r["status"] for r in results} == {200}


def test_a_bad_line_spoils_no_other(make_client, line):
    client = make_client(sites=["DC1"])
    lines = [
        line,
        {**line, "quantity": -1},
        "not an object",
        {**line, "sku": "BROKEN-SKU"},
        {**line, "site": "DC2"},
        {**line, "as_of": "2026-01-01T00:00:00Z"},
    ]
    results = client.post(BATCH, json={"lines": lines}).json()["results"]
    assert [r["status"] for r in results] == [200, 422, 422, 500, 403, 200]
    assert results[1]["problem"]["errors"][0]["pointer"] == "#/quantity"
    assert results[2]["problem"]["errors"][0]["pointer"] == "#"
    assert all(("recommendation" in r) != ("problem" in r) for r in results)


def test_every_recommendation_of_a_batch_is_stored_and_audited(client, line, settings):
    results = client.post(BATCH, json={"lines": [line] * 40}).json()["results"]
    ids = {r["recommendation"]["recommendation_id"] for r in results}
    assert len(ids) == 40
    assert all(client.get(f"/v1/recommendations/{i}").status_code == 200 for i in ids)
    assert verify(client.app.state.service.engine).rows == 41  # and the key that was created


def test_a_thousand_lines_fit_and_one_more_does_not(client, line):
    assert client.post(BATCH, json={"lines": [line] * 1000}).status_code == 200
    answer = client.post(BATCH, json={"lines": [line] * 1001})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "#/lines"


def test_an_empty_batch_has_no_results(client):
    assert client.post(BATCH, json={"lines": []}).json() == {"results": []}


def test_a_batch_without_a_model_tells_each_line(make_client, line):
    client = make_client(scorer=None)
    results = client.post(BATCH, json={"lines": [line, line]}).json()["results"]
    assert [r["status"] for r in results] == [503, 503]


@pytest.mark.parametrize("body", [[], {"lines": {}}, {"line": []}, {}, "lines"])
def test_a_batch_that_is_none_is_refused(client, body):
    assert client.post(BATCH, json=body).status_code == 422
