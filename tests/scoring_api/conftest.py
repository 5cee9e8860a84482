"""An API over an empty home, served by a small scorer that answers by rule."""

from dataclasses import dataclass

import pytest
from starlette.testclient import TestClient

from ingestion.database import engine
from scoring_api.app import create_app
from scoring_api.keys import create_key
from scoring_api.payloads import LINE_EXAMPLE


@dataclass(frozen=True)
class RuleAdvice:
    line: dict
    version: str

    def to_dict(self):
        abstained = self.line.get("condition") is None
        return {
            "disposition": {
                "model": "disposition",
                "version": self.version,
                "data_version": "7",
                "recommended": None if abstained else "RESTOCK",
                "abstained": abstained,
            },
            "policy": {"route": "review" if abstained else "auto", "rules": []},
            "as_of": self.line["as_of"].isoformat(),
            "known": sorted(self.line),
            "not_available": ["fraud"],
        }


@dataclass(frozen=True)
class RuleScorer:
    """Restocks what has a condition; fails on the item ``BROKEN-SKU``."""

    version: str = "1"

    def score(self, lines):
        if any(line["sku"] == "BROKEN-SKU" for line in lines):
            raise ZeroDivisionError("a model stumbled")
        return [RuleAdvice(line, self.version) for line in lines]

    def versions(self):
        return {"disposition": {"version": self.version, "data_version": "7"}}


@pytest.fixture(name="RuleScorer", scope="session")
def rule_scorer():
    return RuleScorer


@pytest.fixture
def line():
    return dict(LINE_EXAMPLE)


@pytest.fixture
def make_client(settings):
    """Build a client of an app over the test's home; ``key`` is a fresh API key."""
    opened = []

    def make(*, scorer=RuleScorer(), sites=None, key=True, **options):
        database = engine(settings)
        headers = {}
        if key:
            headers["Authorization"] = f"Bearer {create_key(database, 'test', sites=sites)[1]}"
        database.dispose()
        app = create_app(settings, scorer=scorer, **options)
        client = TestClient(app, raise_server_exceptions=False, headers=headers)
        client.__enter__()
        opened.append(client)
        return client

    yield make
    for client in opened:
        client.__exit__(None, None, None)


@pytest.fixture
def client(make_client):
    return make_client()
