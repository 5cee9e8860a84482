"""Quarantined records get another try; the counters move, nothing is received twice."""

import pytest

from ingestion.errors import RetraceError
from ingestion.intake import ingest
from ingestion.lake import Lake
from ingestion.replay import replay
from ingestion.status import quarantined, status

COLUMNS = {"case": "case", "activity": "activity", "time": "time"}
ROWS = ["1,register,2024-01-01", "2,,2024-01-02", "3,,2024-01-03", "4,check,never", "5,too few"]


@pytest.fixture
def home(settings, tmp_path):
    (tmp_path / "a.csv").write_text("case,activity,time\n" + "\n".join(ROWS) + "\n")
    counts = ingest(settings, [tmp_path / "a.csv"], **COLUMNS)
    assert (counts.accepted, counts.quarantined) == (1, 4)
    return settings


def cases(settings):
    con = Lake(settings.home).connect()
    return [row[0] for row in con.execute("select case_id from events order by 1").fetchall()]


def test_a_repaired_record_moves_from_quarantined_to_accepted(home):
    done = replay(home, filters={"reason": "missing_activity"}, changes={"activity": "Receive"})
    assert (done.replayed, done.accepted, done.quarantined) == (2, 2, 0)
    assert cases(home) == ["1", "2", "3"]
    found = status(Lake(home.home))
    assert found.balanced
    assert found.totals() == {"received": 5, "accepted": 3, "duplicate": 0, "quarantined": 2}
    assert len(quarantined(Lake(home.home))) == 2


def test_replaying_again_changes_nothing(home):
    for _ in range(2):
        replay(home, filters={"reason": "missing_activity"}, changes={"activity": "Receive"})
    assert cases(home) == ["1", "2", "3"]
    assert status(Lake(home.home)).totals()["received"] == 5


def test_what_is_still_bad_stays_with_one_more_attempt_and_the_rest_is_named(home):
    done = replay(home)
    assert (done.replayed, done.accepted, done.quarantined, done.left) == (3, 0, 3, 1)
    assert status(Lake(home.home)).balanced
    attempts = {record.reason: record.attempts for record in quarantined(Lake(home.home))}
    assert attempts == {"missing_activity": 2, "unreadable_time": 2, "missing_columns": 1}
    done = replay(home, filters={"reason": "unreadable_time"}, changes={"time": "2024-01-04"})
    assert done.accepted == 1 and cases(home) == ["1", "4"]


def test_a_repair_that_gives_a_known_record_is_a_duplicate(home):
    fix = {"case": "1", "activity": "register", "time": "2024-01-01"}
    done = replay(home, filters={"reason": "unreadable_time"}, changes=fix)
    assert (done.accepted, done.duplicate) == (0, 1)
    assert cases(home) == ["1"] and status(Lake(home.home)).balanced


def test_a_new_reading_of_the_file_retires_its_replays(home, tmp_path):
    replay(home, filters={"reason": "missing_activity"}, changes={"activity": "Receive"})
    ingest(home, [tmp_path / "a.csv"], case="case", activity="case", time="time")
    assert cases(home) == ["1", "2", "3"]
    found = status(Lake(home.home))
    assert found.balanced and found.totals()["accepted"] == 3


def test_a_file_no_mapping_fitted_leaves_the_quarantine_when_one_does(settings, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "odd.csv").write_text("a,b,c\n1,x,2024-01-01\n")
    assert ingest(settings, [folder]).quarantined == 1
    counts = ingest(settings, [folder], case="a", activity="b", time="c")
    assert counts.accepted == 1
    assert quarantined(Lake(settings.home)) == []
    found = status(Lake(settings.home))
    assert found.balanced
    assert found.totals() == {"received": 1, "accepted": 1, "duplicate": 0, "quarantined": 0}


def test_wrong_filters_and_columns_are_clear_errors(home):
    with pytest.raises(RetraceError, match="No filter 'colour'"):
        replay(home, filters={"colour": "red"})
    with pytest.raises(RetraceError, match="no column 'activty'; its columns are: case"):
        replay(home, filters={"reason": "missing_activity"}, changes={"activty": "x"})
