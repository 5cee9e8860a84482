"""Secrets of webhook senders and the audit chain from the command line."""

import base64
import hashlib
import hmac
import json
import time

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from ingestion.database import AUDIT, engine
from ingestion.errors import RetraceError
from scoring_api.commands import app


@pytest.fixture
def run(settings):
    def call(*words):
        done = CliRunner().invoke(app, [*words, "--home", str(settings.home)])
        if isinstance(done.exception, RetraceError):
            raise done.exception
        return done

    return call


def push(client, secret, name="m1"):
    """A webhook signed with a secret as Standard Webhooks 1.0 has it."""
    body, sent = b'{"type":"x","timestamp":"2026-01-01T00:00:00Z","data":{}}', str(int(time.time()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{name}.{sent}.".encode() + body, hashlib.sha256).digest()
    headers = {
        "webhook-id": name,
        "webhook-timestamp": sent,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
        "content-type": "application/json",
    }
    return client.post("/v1/events", content=body, headers=headers).status_code


def test_a_secret_signs_from_its_making_to_its_revocation(run, make_client):
    client = make_client(key=False)
    made = json.loads(run("webhooks", "create", "carrier", "--json").stdout)
    assert made["name"] == "carrier" and push(client, made["secret"]) == 202
    listed = run("webhooks", "list", "--json").stdout
    assert [sender["name"] for sender in json.loads(listed)["senders"]] == ["carrier"]
    assert made["secret"] not in listed + run("webhooks", "list").stdout
    assert run("webhooks", "revoke", "carrier").exit_code == 0
    assert push(client, made["secret"], "m2") == 401
    assert json.loads(run("webhooks", "list", "--json").stdout) == {"senders": []}


def test_a_secret_is_not_replaced_by_accident(run):
    secret = run("webhooks", "create", "carrier").stdout.split()[0]
    assert secret.startswith("whsec_")
    with pytest.raises(RetraceError, match="Revoke it first"):
        run("webhooks", "create", "carrier")


@pytest.mark.parametrize("words", [("revoke", "nobody"), ("revoke", "../x"), ("create", "../x")])
def test_a_name_nobody_has_or_can_have_is_one_clear_sentence(run, words):
    with pytest.raises(RetraceError, match="webhook sender"):
        run("webhooks", *words)


def test_the_audit_chain_is_verified_and_a_changed_row_found(run, settings, client, line):
    for _ in range(3):
        assert client.post("/v1/recommendations", json=line).status_code == 200
    said = json.loads(run("audit", "verify", "--json").stdout)
    assert said["intact"] is True and said["broken_at"] is None and said["rows"] >= 3
    database = engine(settings)
    with database.begin() as connection:
        connection.execute(sa.update(AUDIT).where(AUDIT.c.seq == 2).values(caller="else"))
    database.dispose()
    broken = run("audit", "verify", "--json")
    assert broken.exit_code == 1
    assert json.loads(broken.stdout)["broken_at"] == 2
    with pytest.raises(RetraceError, match="breaks at row 2"):
        run("audit", "verify")
