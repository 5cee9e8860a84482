import base64
import hmac
import json
import stat
import time
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from ingestion.database import INBOX
from ingestion.inbox import counts
from ingestion.lake import Lake
from scoring_api.cloudevents import BATCH, EXAMPLE, SINGLE
from scoring_api.config import Limits
from scoring_api.webhooks import BadSenderName, create_webhook_secret

URL = "/v1/events"
NOON = datetime(2026, 6, 30, 12, tzinfo=UTC)


def push(client, content, media_type=SINGLE, **headers):
    body = content if isinstance(content, (bytes, str)) else json.dumps(content)
    return client.post(URL, content=body, headers={"Content-Type": media_type, **headers})


def event(n=1, **changes):
    return {**EXAMPLE, "id": f"m{n}", **changes}


def bodies(client):
    with client.app.state.service.engine.connect() as connection:
        return connection.execute(sa.select(INBOX.c.body).order_by(INBOX.c.seq)).scalars().all()


def test_an_event_is_stored_in_its_own_bytes_and_then_acknowledged(client):
    body = json.dumps(event(), indent=3)
    answer = push(client, body)
    assert answer.status_code == 202
    assert answer.json() == {
        "received": 1,
        "stored": 1,
        "duplicate": 0,
        "refused": 0,
        "results": [{"status": 202, "id": "m1", "source": "/dc1/wms"}],
    }
    assert bodies(client) == [body.encode()]


def test_the_same_event_again_is_a_duplicate_for_ever(client):
    push(client, event())
    answer = push(client, event())
    assert answer.status_code == 202
    assert (answer.json()["stored"], answer.json()["duplicate"]) == (0, 1)
    assert len(bodies(client)) == 1


@pytest.mark.parametrize("media_type", [BATCH, "application/json"])
def test_a_batch_keeps_each_event_as_it_was_written(client, media_type):
    first, second = json.dumps(event(1), indent=1), json.dumps(event(2))
    answer = push(client, f" [ {first} ,\n{second}] ", media_type)
    assert answer.json()["stored"] == 2
    assert bodies(client) == [first.encode(), second.encode()]


def test_events_of_a_batch_are_judged_alone(client):
    push(client, event(1))
    batch = [event(1), event(2), event(3, time="soon"), "no event", event(2)]
    answer = push(client, batch, BATCH)
    assert answer.status_code == 207
    assert [result["status"] for result in answer.json()["results"]] == [200, 202, 422, 422, 200]
    assert answer.json()["results"][2]["problem"]["errors"][0]["pointer"] == "#/time"
    assert {k: v for k, v in answer.json().items() if k != "results"} == {
        "received": 5,
        "stored": 1,
        "duplicate": 2,
        "refused": 2,
    }


def test_a_batch_of_which_nothing_can_be_stored_says_so(client):
    answer = push(client, [event(1, id=""), {}], BATCH)
    assert answer.status_code == 207
    assert (answer.json()["stored"], answer.json()["refused"]) == (0, 2)
    assert bodies(client) == []


def test_an_empty_batch_holds_nothing(client):
    assert push(client, [], BATCH).json()["received"] == 0


def test_binary_mode_is_the_same_event(client):
    headers = {f"ce-{k}": v for k, v in event().items() if k != "data"}
    answer = push(client, EXAMPLE["data"], "application/json", **headers)
    assert answer.status_code == 202
    assert push(client, event()).json()["duplicate"] == 1
    [stored] = map(json.loads, bodies(client))
    assert stored.pop("datacontenttype") == "application/json"
    assert stored == event()


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        ("{", SINGLE, 400),
        ("[{]", BATCH, 400),
        ("[1 2]", BATCH, 400),
        ("[] []", BATCH, 400),
        (b"\xff\xfe", SINGLE, 400),
        ("[" * 100_000, BATCH, 400),
        ("{}", BATCH, 422),
        ("{}", SINGLE, 422),
        (json.dumps(event(specversion="0.3")), SINGLE, 422),
        (json.dumps(event(subject="a\nb")), SINGLE, 422),
        (json.dumps([event(n) for n in range(1001)]), BATCH, 422),
        ("<event/>", "application/xml", 415),
    ],
)
def test_what_is_no_event_is_refused(client, content, media_type, status):
    answer = push(client, content, media_type)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert bodies(client) == []


def test_a_retry_with_the_same_idempotency_key_gets_the_first_answer(client):
    headers = {"Idempotency-Key": "k"}
    first = push(client, event(), **headers)
    again = push(client, event(), **headers)
    assert again.content == first.content
    assert again.json()["stored"] == 1
    [count] = counts(client.app.state.service.engine)
    assert count.received == 1


def test_pushing_needs_a_key_that_is_not_limited_to_sites(make_client):
    assert push(make_client(key=False), event()).status_code == 401
    assert push(make_client(sites=["DC1"]), event()).status_code == 403


def test_pushed_events_reach_the_lake(make_client, settings):
    client = make_client(limits=Limits(seal_seconds=0.05))
    push(client, [event(n, subject=f"R{n}:1") for n in range(3)], BATCH)
    deadline = time.monotonic() + 30
    while client.get("/v1/cases/R2:1").status_code != 200 and time.monotonic() < deadline:
        time.sleep(0.1)
    [found] = client.get("/v1/cases/R2:1").json()["events"]
    assert (found["activity"], found["sku"], found["source"]) == (
        "Receive",
        "SKU-00042",
        "/dc1/wms",
    )
    [[total]] = Lake(settings.home).connect().execute("select count(*) from events").fetchall()
    assert total == 3


def test_events_left_by_the_last_process_reach_the_lake(make_client, settings):
    push(make_client(limits=Limits(seal_seconds=1000)), event())
    late = make_client(limits=Limits(seal_seconds=0.05))
    deadline = time.monotonic() + 30
    path = f"/v1/cases/{EXAMPLE['subject']}"
    while late.get(path).status_code != 200 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert late.get(path).status_code == 200


@pytest.fixture
def signed(make_client, settings):
    """A client without a key and a function that signs what it sends."""
    client = make_client(key=False, now=lambda: NOON)
    secret = create_webhook_secret(settings, "carrier")

    def send(content, *, secret=secret, at=NOON, name="msg_1", tamper=b"", version="v1"):
        body = json.dumps(content).encode()
        key = base64.b64decode(secret.removeprefix("whsec_"))
        sent = str(int(at.timestamp()))
        digest = hmac.digest(key, f"{name}.{sent}.".encode() + body, "sha256")
        headers = {
            "webhook-id": name,
            "webhook-timestamp": sent,
            "webhook-signature": f"v1a,xx {version},{base64.b64encode(digest).decode()}",
        }
        return push(client, body + tamper, "application/json", **headers)

    send.client = client
    return send


def test_a_signed_webhook_needs_no_key(signed):
    assert signed(event()).status_code == 202
    said = {"type": "return.received", "timestamp": "2026-06-30T11:59:00Z", "data": {"rma": "R1"}}
    answer = signed(said, name="msg_2")
    assert answer.json()["results"] == [{"status": 202, "id": "msg_2", "source": "webhook:carrier"}]
    assert signed(said, name="msg_2").json()["duplicate"] == 1


def test_a_webhook_nobody_signed_is_refused(signed):
    from datetime import timedelta

    other = "whsec_" + base64.b64encode(b"x" * 32).decode()
    for answer in (
        signed(event(), secret=other),
        signed(event(), tamper=b" "),
        signed(event(), at=NOON - timedelta(minutes=5, seconds=1)),
        signed(event(), at=NOON + timedelta(minutes=5, seconds=1)),
        signed(event(), version="v2"),
        signed(event(), name=""),
    ):
        assert answer.status_code == 401
        assert "www-authenticate" in answer.headers
    assert bodies(signed.client) == []


def test_a_new_secret_of_a_second_name_lets_both_be_valid(signed, settings):
    fresh = create_webhook_secret(settings, "carrier-2")
    assert signed(event(1), secret=fresh).status_code == 202
    assert signed(event(2)).status_code == 202


def test_a_secret_is_read_by_its_owner_alone(settings):
    create_webhook_secret(settings, "carrier")
    [path] = (settings.secrets_dir / "webhooks").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(BadSenderName, match="a-z"):
        create_webhook_secret(settings, "../evil")
