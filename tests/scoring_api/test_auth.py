import stat
import time

import pytest

from ingestion.database import API_KEYS, engine
from scoring_api.config import Limits
from scoring_api.keys import (
    UnknownApiKey,
    UnreadablePepper,
    create_key,
    list_keys,
    pepper,
    revoke_key,
    split_key,
)


@pytest.fixture
def database(settings):
    opened = engine(settings)
    yield opened
    opened.dispose()


def test_without_a_key_the_answer_is_a_challenge(make_client, line):
    client = make_client(key=False)
    answer = client.post("/v1/recommendations", json=line)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="retrace"'
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "header",
    [
        "Basic dTpw",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer rtr_0123456789abcdef_" + "A" * 43,
        "Bearer rtr_0123456789abcdef_" + "\u00e4" * 43,
        "Bearer rtr__" + "A" * 43,
        "bearer rtr",
    ],
)
def test_a_wrong_key_is_refused(make_client, line, header):
    client = make_client(key=False)
    answer = client.post(
        "/v1/recommendations", json=line, headers={"Authorization": header.encode("utf-8")}
    )
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_a_right_id_with_a_wrong_secret_is_refused(make_client, database, line):
    client = make_client(key=False)
    key_id, key = create_key(database, "me")
    forged = f"rtr_{key_id}_{'A' * 43}"
    assert (
        client.get("/v1/models", headers={"Authorization": f"Bearer {forged}"}).status_code == 401
    )
    assert client.get("/v1/models", headers={"Authorization": f"Bearer {key}"}).status_code == 200


def test_a_stranger_cannot_make_the_service_read_a_body(make_client):
    client = make_client(key=False)

    def endless():
        yield b"{"
        raise AssertionError("the body was read")

    answer = client.post("/v1/recommendations", content=endless())
    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/v1/models", "/v1/recommendations/rec_1"])
def test_reading_needs_a_key_too(make_client, path):
    assert make_client(key=False).get(path).status_code == 401


@pytest.mark.parametrize("path", ["/", "/livez", "/readyz", "/metrics", "/openapi.json", "/docs"])
def test_service_pages_need_no_key(make_client, path):
    assert make_client(key=False).get(path).status_code == 200


def test_a_revoked_key_is_refused_within_the_promised_time(make_client, database):
    client = make_client(key=False, limits=Limits(key_cache_seconds=0.2))
    key_id, key = create_key(database, "me")
    headers = {"Authorization": f"Bearer {key}"}
    assert client.get("/v1/models", headers=headers).status_code == 200
    revoke_key(database, key_id)
    time.sleep(0.25)
    assert client.get("/v1/models", headers=headers).status_code == 401


def test_a_key_made_while_serving_works_within_the_promised_time(make_client, database):
    client = make_client(key=False, limits=Limits(key_cache_seconds=0.2))
    _, key = create_key(database, "late")
    assert client.get("/v1/models", headers={"Authorization": f"Bearer {key}"}).status_code == 200


def test_the_database_never_holds_a_secret(database):
    _, key = create_key(database, "me")
    _, secret = split_key(key)
    with database.connect() as connection:
        [row] = connection.execute(API_KEYS.select()).all()
    assert secret not in str(tuple(row))
    assert len(secret) == 43  # 256 bits in base 64


def test_the_same_secret_hashes_differently_under_another_pepper(database, settings):
    from scoring_api.keys import hash_secret

    assert hash_secret("s", pepper=b"a" * 32) != hash_secret("s", pepper=b"b" * 32)


def test_the_pepper_is_made_once_and_read_by_its_owner_alone(database, settings):
    assert pepper(database) == pepper(database)
    path = settings.secrets_dir / "api-key-pepper"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in settings.secrets_dir.iterdir()] == ["api-key-pepper"]


def test_a_damaged_pepper_is_said_and_not_replaced(database, settings):
    pepper(database)
    (settings.secrets_dir / "api-key-pepper").write_bytes(b"short")
    with pytest.raises(UnreadablePepper, match="5 bytes"):
        create_key(database, "me")


def test_keys_are_listed_without_secrets(database):
    key_id, _ = create_key(database, "orchestrator", sites=["DC2", "DC1", "DC1"])
    [listed] = [key.to_dict() for key in list_keys(database)]
    assert listed.pop("created_at")
    assert listed == {
        "key_id": key_id,
        "name": "orchestrator",
        "sites": ["DC1", "DC2"],
        "revoked_at": None,
    }


def test_revoking_twice_changes_nothing_and_an_unknown_id_is_said(database):
    key_id, _ = create_key(database, "me")
    first = revoke_key(database, key_id)
    assert revoke_key(database, key_id).revoked_at == first.revoked_at
    with pytest.raises(UnknownApiKey, match="retrace keys list"):
        revoke_key(database, "nobody")


def test_a_key_of_some_sites_sees_no_other(make_client, line):
    everywhere, east = make_client(), make_client(sites=["DC1"])
    other = {**line, "site": "DC2"}
    assert east.post("/v1/recommendations", json=line).status_code == 200
    assert east.post("/v1/recommendations", json=other).status_code == 403
    theirs = everywhere.post("/v1/recommendations", json=other).json()["recommendation_id"]
    assert east.get(f"/v1/recommendations/{theirs}").status_code == 404
    feedback = {"recommendation_id": theirs, "decision": "accepted"}
    assert east.post("/v1/feedback", json=feedback).status_code == 404


def test_a_key_without_any_site_sees_nothing(make_client, line):
    nowhere = make_client(sites=[])
    assert nowhere.post("/v1/recommendations", json=line).status_code == 403
