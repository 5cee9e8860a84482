from datetime import UTC, datetime

import pytest

from ingestion.database import engine
from ingestion.settings import Settings
from mining import reconcile
from mining.reconciliation.life import BreakLog


@pytest.fixture
def settings(small_home, tmp_path):
    """The shared home, with a database of this test's own."""
    return Settings(small_home, f"sqlite:///{tmp_path / 'own.db'}")


@pytest.fixture(scope="module")
def found(small_home):
    return reconcile(small_home)


@pytest.fixture
def log(settings):
    opened = engine(settings)
    yield BreakLog(opened)
    opened.dispose()


def ask(client, **query):
    answer = client.get("/v1/breaks", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(answer):
    return [one["break_id"] for one in answer["breaks"]]


def test_breaks_are_those_of_the_mining_layer(client, found):
    answer = ask(client, limit=500)
    assert answer["total"] == len(found.breaks) > 50
    assert answer["matched"] == found.matched
    assert answer["by_type"] == found.by_type
    told = {one.break_id: one.to_dict() for one in found}
    for one in answer["breaks"]:
        assert {name: one[name] for name in told[one["break_id"]]} == told[one["break_id"]]
        assert (one["status"], one["history"]) == ("open", [])


def test_pages_hold_every_break_once_the_dearest_first(client, found):
    pages, after = [], None
    while True:
        page = ask(client, limit=37, **({"after": after} if after else {}))
        pages += page["breaks"]
        after = page["next"]
        if after is None:
            break
        assert len(page["breaks"]) == 37
    assert sorted(one["break_id"] for one in pages) == sorted(one.break_id for one in found)
    values = [one["value_at_risk"] for one in pages]
    assert values == sorted(values, reverse=True)


def test_breaks_are_filtered_by_site_type_and_age(client, found):
    query = {"site": "DC4", "type": ["B08", "B12"], "min_age_days": 10, "max_age_days": 30}
    wanted = {
        one.break_id
        for one in found
        if one.site == "DC4" and one.type in ("B08", "B12") and 10 <= one.age_days <= 30
    }
    answer = ask(client, limit=500, **query)
    assert set(ids(answer)) == wanted
    assert wanted
    assert answer["matched"] < found.matched


def test_the_life_of_a_break_is_told(client, found, log):
    one, other = found.breaks[0].break_id, found.breaks[1].break_id
    clock = datetime(2026, 8, 1, tzinfo=UTC)
    log.record(found, at=clock)
    log.act(one, "assigned", by="ann", why="", at=clock, assignee="bob")
    log.act(other, "closed", by="ann", why="Written off", at=clock)
    [mine] = ask(client, status="assigned")["breaks"]
    assert (mine["break_id"], mine["assignee"]) == (one, "bob")
    assert [step["kind"] for step in mine["history"]] == ["opened", "assigned"]
    assert ids(ask(client, status="closed")) == [other]
    assert ask(client)["total"] == len(found.breaks) - 1


def test_what_data_cleared_is_closed_and_was_open_then(client, found, log):
    early = datetime(2026, 7, 10, tzinfo=UTC)
    clock = datetime(2026, 8, 1, tzinfo=UTC)
    log.record(reconcile(client.app.state.service.settings.home, as_of=early), at=clock)
    log.record(found, at=clock)
    closed = ask(client, status="closed", limit=500)["breaks"]
    assert closed
    assert {one["history"][-1]["actor"] for one in closed} == {"retrace"}
    then = ask(client, as_of="2026-07-10T00:00:00Z", limit=500)
    assert {one["break_id"] for one in closed} <= set(ids(then))
    assert then["as_of"].startswith("2026-07-10")


def test_a_key_of_one_site_sees_its_breaks_only(make_client, found):
    east = make_client(sites=["DC1"])
    answer = ask(east, limit=500)
    assert {one["site"] for one in answer["breaks"]} == {"DC1"}
    assert answer["matched"] < found.matched
    assert east.get("/v1/breaks", params={"site": "DC2"}).status_code == 403
    assert make_client(key=False).get("/v1/breaks").status_code == 401


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"type": "B99"}, "type"),
        ({"as_of": "yesterday"}, "as_of"),
        ({"as_of": "0001-01-01T00:00:00+14:00"}, "as_of"),
        ({"limit": 0}, "limit"),
        ({"after": "x"}, "after"),
        ({"min_age_days": -1}, "min_age_days"),
    ],
)
def test_what_cannot_be_asked_is_pointed_at(client, query, parameter):
    answer = client.get("/v1/breaks", params=query)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] in (parameter, "0")


def test_a_moment_before_everything_has_no_breaks(client):
    answer = ask(client, as_of="1999-01-01T00:00:00Z")
    assert (answer["total"], answer["matched"], answer["next"]) == (0, 0, None)
