"""Kept answers: the same rows, never stale, and never in the way."""

from dataclasses import replace

import pyarrow as pa
import pytest
from pandas.testing import assert_frame_equal

from mining import (
    bottlenecks,
    causes,
    changes,
    conformance,
    directly_follows_graph,
    kpi_trend,
    kpis,
    load,
    variants,
)
from mining.answers import MOST_BYTES, Answers
from mining.engine import DuckDBEngine
from mining.event_log import MOST_SHARED
from mining.metrics import Metric

OPTIONS = {"case": "case_id", "activity": "activity", "time": "occurred_at"}
ROWS = pa.table({"n": [1, 2]})


def refuse(*_, **__):
    raise AssertionError("computed again")


def kept(home):
    return sorted((home / "lake" / "answers").glob("*/*.arrow"))


def test_the_same_question_is_answered_without_the_engine(settings, deliver, log_of, monkeypatch):
    deliver(log_of("a +1 b +1 c", "a +2 b"), **OPTIONS)
    log = load(settings.home)
    first = directly_follows_graph(log).to_dict(), variants(log).to_dict()
    assert kept(settings.home)
    again = load(settings.home)
    monkeypatch.setattr(DuckDBEngine, "fetch", refuse)
    assert directly_follows_graph(again).to_dict() == first[0]


FINDINGS = {
    "kpis": lambda log: kpis(log).frame,
    "kpis of a month": lambda log: kpis(log, start="2026-05-01", end="2026-06-01").frame,
    "trend": kpi_trend,
    "conformance": lambda log: conformance(log).violations,
    "causes": lambda log: causes(log).frame,
    "changes": lambda log: changes(log).frame,
    "bottlenecks": lambda log: bottlenecks(log).frame,
}


def test_findings_asked_of_one_log_are_those_of_a_log_of_their_own(small_home):
    """They share what they are made from, and none of them changes it under the others."""
    shared = replace(load(small_home), answers=None)
    together = [(name, find(shared)) for name, find in [*FINDINGS.items(), *FINDINGS.items()]]
    for name, frame in together:
        alone = FINDINGS[name](replace(load(small_home), answers=None))
        assert len(alone) or name == "changes", name
        assert_frame_equal(frame, alone)


def test_what_is_shared_is_made_once_and_bounded(log_of):
    log = load(log_of("a +1 b"))
    made = []
    for number in [1, 2, 1, *range(3, 3 + MOST_SHARED), 1]:
        log.share((number,), lambda number=number: made.append(number))
    assert made == [1, 2, *range(3, 3 + MOST_SHARED), 1]


def test_new_events_make_every_kept_answer_void(settings, deliver, log_of):
    deliver(log_of("a +1 b"), **OPTIONS)
    assert directly_follows_graph(load(settings.home)).events == 2
    before = kept(settings.home)
    deliver(log_of("a +1 b", "b +1 c"), **OPTIONS)
    log = load(settings.home)
    assert directly_follows_graph(log).events == 4
    assert variants(log).cases == 2
    assert not set(before) & set(kept(settings.home))


def test_a_delivery_without_news_keeps_them(settings, deliver, log_of):
    deliver(log_of("a +1 b"), **OPTIONS)
    directly_follows_graph(load(settings.home))
    before = kept(settings.home)
    deliver(log_of("a +1 b"), **OPTIONS)
    directly_follows_graph(load(settings.home))
    assert kept(settings.home) == before


def test_what_was_known_earlier_is_not_answered_from_today(settings, deliver, log_of):
    deliver(log_of("a +1 b +48 c"), **OPTIONS)
    assert directly_follows_graph(load(settings.home)).events == 3
    assert directly_follows_graph(load(settings.home, as_of="2026-03-03")).events == 2


def test_kpis_are_measured_once_and_again_after_any_delivery(
    settings, deliver, log_of, monkeypatch
):
    deliver(log_of("Request_return +24 Create_RMA +48 Receive"), **OPTIONS)
    first = kpis(load(settings.home))
    with monkeypatch.context() as no_more:
        no_more.setattr(Metric, "measure", refuse)
        again = kpis(load(settings.home))
        with pytest.raises(AssertionError, match="computed again"):
            kpis(load(settings.home), start="2026-03-01")
    assert_frame_equal(again.frame, first.frame)
    assert_frame_equal(kpi_trend(load(settings.home)), kpi_trend(load(settings.home)))
    deliver(log_of("Request_return +24 Create_RMA +48 Receive"), **OPTIONS)  # known already
    monkeypatch.setattr(Metric, "measure", refuse)
    with pytest.raises(AssertionError, match="computed again"):
        kpis(load(settings.home))


def test_other_code_answers_anew(tmp_path, monkeypatch):
    answers = Answers(tmp_path, "one")
    assert answers.frame("kpis", lambda: ROWS).equals(ROWS)
    assert answers.frame("kpis", refuse).equals(ROWS)
    monkeypatch.setattr("mining.answers.code_digest", lambda: "another release")
    with pytest.raises(AssertionError, match="computed again"):
        answers.frame("kpis", refuse)


def test_a_damaged_answer_is_computed_again(tmp_path):
    answers = Answers(tmp_path, "one")
    assert answers.answer("select 1", lambda: ROWS).equals(ROWS)
    [path] = tmp_path.glob("*/*.arrow")
    path.write_bytes(b"half a fi")
    assert answers.answer("select 1", lambda: ROWS).equals(ROWS)
    assert answers.answer("select 1", refuse).equals(ROWS)


def test_a_folder_that_cannot_be_written_changes_no_answer(tmp_path):
    (tmp_path / "answers").write_text("a file where the folder should be")
    assert Answers(tmp_path / "answers", "one").answer("select 1", lambda: ROWS).equals(ROWS)


def test_large_answers_are_not_kept(tmp_path):
    large = pa.table({"n": pa.array(range(MOST_BYTES // 8 + 1), pa.int64())})
    answers = Answers(tmp_path, "one")
    answers.answer("select 1", lambda: large)
    with pytest.raises(AssertionError, match="computed again"):
        answers.answer("select 1", refuse)
