import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from ingestion.database import AUDIT, RECOMMENDATIONS, engine
from scoring_api.audit import GENESIS, verify
from scoring_api.keys import create_key, revoke_key

URL = "/v1/recommendations"


@pytest.fixture
def chain(client, line):
    for _ in range(5):
        assert client.post(URL, json=line).status_code == 200
    return client.app.state.service.engine


def change(database, statement):
    with database.begin() as connection:
        connection.execute(statement)


def test_everything_done_is_in_the_chain(client, line):
    database = client.app.state.service.engine
    given = client.post(URL, json=line).json()["recommendation_id"]
    client.post("/v1/feedback", json={"recommendation_id": given, "decision": "accepted"})
    key_id, _ = create_key(database, "second")
    revoke_key(database, key_id)
    with database.connect() as connection:
        rows = connection.execute(sa.select(AUDIT).order_by(AUDIT.c.seq)).all()
    assert [row.action for row in rows] == [
        "key created",
        "recommendation given",
        "feedback given",
        "key created",
        "key revoked",
    ]
    assert rows[0].previous == GENESIS
    assert [row.previous for row in rows[1:]] == [row.hash for row in rows[:-1]]
    details = json.loads(rows[1].details)
    assert rows[1].subject == given
    assert set(details) == {"input", "output", "models", "route"}
    assert verify(database).broken_at is None


def test_the_audit_knows_the_answer_that_was_given(client, line):
    from scoring_api.audit import fingerprint

    answer = client.post(URL, json=line)
    with client.app.state.service.engine.connect() as connection:
        [stored] = connection.execute(sa.select(RECOMMENDATIONS.c.answer)).scalars()
        details = connection.execute(
            sa.select(AUDIT.c.details).where(AUDIT.c.action == "recommendation given")
        ).scalar()
    assert json.loads(details)["output"] == fingerprint(answer.content) == fingerprint(stored)


@pytest.mark.parametrize("column", ["caller", "action", "subject", "details", "previous", "hash"])
def test_a_changed_row_is_found(chain, column):
    change(chain, sa.update(AUDIT).where(AUDIT.c.seq == 3).values({column: "forged"}))
    assert verify(chain).broken_at == 3


def test_a_changed_time_is_found(chain):
    from datetime import UTC, datetime

    change(
        chain, sa.update(AUDIT).where(AUDIT.c.seq == 2).values(at=datetime(2000, 1, 1, tzinfo=UTC))
    )
    assert verify(chain).broken_at == 2


def test_a_removed_row_is_found(chain):
    change(chain, sa.delete(AUDIT).where(AUDIT.c.seq == 4))
    assert verify(chain).broken_at == 5


def test_requests_at_the_same_time_make_one_unbroken_chain(client, line, settings):
    other = engine(settings)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(client.post, URL, json=line) for _ in range(60)]
        made = [pool.submit(create_key, other, f"k{n}") for n in range(10)]
        assert {answer.result().status_code for answer in asked} == {200}
        [key.result() for key in made]
    other.dispose()
    verdict = verify(client.app.state.service.engine)
    assert verdict.rows == 71
    assert verdict.broken_at is None


def test_one_bad_task_in_a_group_does_not_undo_its_neighbours(client, line):
    with ThreadPoolExecutor(8) as pool:
        lines = [{**line, "sku": "BROKEN-SKU"} if n % 4 == 0 else line for n in range(40)]
        answers = list(pool.map(lambda body: client.post(URL, json=body), lines))
    assert [a.status_code for a in answers] == [500 if n % 4 == 0 else 200 for n in range(40)]
    assert verify(client.app.state.service.engine).rows == 31
