import gzip
import io
import tarfile
import time

import pytest

from scoring_api.config import Limits

URL = "/v1/recommendations"


def test_it_is_alive_and_ready(client):
    assert client.get("/livez").json() == {"status": "alive"}
    assert client.get("/readyz").json()["status"] == "ready"


def test_it_is_not_ready_without_a_model(make_client):
    answer = make_client(scorer=None).get("/readyz")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"


def test_it_is_alive_but_not_ready_while_it_stops(client):
    client.app.state.service.draining = True
    assert client.get("/readyz").status_code == 503
    assert client.get("/livez").status_code == 200


def test_it_is_not_ready_while_the_event_loop_is_late(client):
    client.app.state.service.lag_seconds = 1.5
    assert client.get("/readyz").status_code == 503


def test_it_is_not_ready_without_its_database(client, settings):
    client.app.state.service.engine.dispose()
    (settings.home / "retrace.db").rename(settings.home / "gone.db")
    (settings.home / "retrace.db").mkdir()
    assert client.get("/readyz").status_code == 503


def test_models_name_their_versions(client):
    assert client.get("/v1/models").json() == {
        "alias": "champion",
        "models": {"disposition": {"version": "1", "data_version": "7"}},
    }


def test_metrics_count_requests_predictions_and_abstentions(client, line):
    client.post(URL, json=line)
    client.post(URL, json={**line, "condition": None})
    client.post(URL, json={**line, "quantity": 0})
    client.get("/nothing")
    text = client.get("/metrics").text
    for sample in (
        'retrace_http_requests_total{operation="recommend",status="200"} 2.0',
        'retrace_http_requests_total{operation="recommend",status="422"} 1.0',
        'retrace_http_requests_total{operation="unmatched",status="404"} 1.0',
        'retrace_http_request_seconds_count{operation="recommend"} 3.0',
        'retrace_predictions_total{model="disposition",version="1"} 2.0',
        'retrace_abstained_total{model="disposition",version="1"} 1.0',
        "retrace_http_in_flight 0.0",
    ):
        assert sample in text.splitlines()


def test_the_source_is_offered_to_everyone_who_can_reach_the_service(make_client):
    client = make_client(key=False)
    about = client.get("/")
    assert about.json()["licence"] == "AGPL-3.0-or-later"
    assert 'rel="service-desc"' in about.headers["link"]
    archive = client.get(about.json()["source"])
    assert archive.headers["content-type"] == "application/gzip"
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(archive.content))) as files:
        assert any(name.endswith("scoring_api/app.py") for name in files.getnames())


def test_feedback_is_kept_with_the_recommendation(client, line):
    import sqlalchemy as sa

    from ingestion.database import FEEDBACK

    given = client.post(URL, json=line).json()["recommendation_id"]
    body = {
        "recommendation_id": given,
        "decision": "overridden",
        "disposition": "REFURBISH",
        "reason": "QUALITY.DEFECTIVE",
        "comment": "only the fuse",
        "decided_at": "2026-06-30T12:00:00+02:00",
    }
    answer = client.post("/v1/feedback", json=body)
    assert answer.status_code == 201
    with client.app.state.service.engine.connect() as connection:
        [row] = connection.execute(sa.select(FEEDBACK)).all()
    assert row.feedback_id == answer.json()["feedback_id"]
    assert (row.decision, row.disposition, row.reason) == (
        "overridden",
        "REFURBISH",
        "QUALITY.DEFECTIVE",
    )
    assert row.decided_at.isoformat() == "2026-06-30T10:00:00+00:00"


@pytest.mark.parametrize(
    "change",
    [
        {"decision": "maybe"},
        {"disposition": "EAT"},
        {"reason": 5},
        {"surprise": 1},
        {"recommendation_id": "x"},
    ],
)
def test_feedback_that_means_nothing_is_refused(client, line, change):
    given = client.post(URL, json=line).json()["recommendation_id"]
    body = {"recommendation_id": given, "decision": "accepted", **change}
    assert client.post("/v1/feedback", json=body).status_code == 422


def test_feedback_on_nothing_is_not_found(client):
    body = {"recommendation_id": "rec_" + "0" * 32, "decision": "accepted"}
    assert client.post("/v1/feedback", json=body).status_code == 404


def test_a_promotion_while_serving_replaces_the_scorer(make_client, line, monkeypatch, RuleScorer):
    import sys
    import types

    loads = []

    class BundleScorer:
        @staticmethod
        def load(folder):
            text = (folder / "manifest.json").read_text()
            loads.append(text)
            if text == "damaged":
                raise ValueError("hash mismatch")
            return RuleScorer(version=text)

    module = types.ModuleType("models.scorer")
    module.Scorer = BundleScorer
    monkeypatch.setitem(sys.modules, "models.scorer", module)
    client = make_client(scorer=None, limits=Limits(reload_seconds=0.05))
    bundle = client.app.state.service.settings.models_dir / "champion"
    bundle.mkdir(parents=True)

    def version_after(text):
        (bundle / "new").write_text(text)
        (bundle / "new").rename(bundle / "manifest.json")
        seen, deadline = len(loads), time.monotonic() + 5
        while len(loads) == seen and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.1)
        answer = client.post(URL, json=line)
        return answer.json()["disposition"]["version"]

    assert client.post(URL, json=line).status_code == 503
    assert version_after("1") == "1"
    assert version_after("2") == "2"
    assert version_after("damaged") == "2"
    assert 'retrace_model_reloads_total{outcome="loaded"} 2.0' in client.get("/metrics").text
    assert 'outcome="failed"' in client.get("/metrics").text
