"""The acceptance tests can fail: the simulator is broken on purpose, once for each, and caught."""

import time

import pytest

from ingestion.simulator import flow, recovery, simulate, warehouse
from ingestion.simulator.clock import DAY
from ingestion.simulator.integration import Integration
from ingestion.simulator.native import files
from ingestion.simulator.notes import Inspectors
from ingestion.simulator.truth import Truth
from tests.simulator import test_acceptance as acceptance

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def stamp_files_with_the_clock(monkeypatch):
    real = files.gzip.GzipFile

    def stamped(name, mode, level, raw, mtime):
        return real(name, mode, level, raw, mtime=time.time())

    monkeypatch.setattr(files.gzip, "GzipFile", stamped)


def let_modern_sites_dawdle(monkeypatch):
    real = warehouse.receive

    def receive(world, line):
        yield from real(world, line)
        if not line.site.legacy:
            yield world.env.timeout(10 * DAY)

    monkeypatch.setattr(warehouse, "receive", receive)


def drown_variants_in_noise(monkeypatch):
    real = flow._close

    def close(world, line):
        for _ in range(line.rng.randrange(7)):
            world.journal.add("X01", line, world.env.now, actor="NOTIFIER", template="noise")
            world.journal.add("A18", line, world.env.now, actor="NOTIFIER", queue="NOISE")
        yield from real(world, line)

    monkeypatch.setattr(flow, "_close", close)


def invent_documents(monkeypatch):
    real = Truth.fault

    def fault(self, name, documents, **more):
        real(self, name, [f"X{document}" for document in documents], **more)

    monkeypatch.setattr(Truth, "fault", fault)


def post_what_was_lost(monkeypatch):
    real = Truth.fault

    def fault(self, name, documents, **more):
        name = "lost" if name == "wrong_location" else name
        real(self, name, documents, **more)

    monkeypatch.setattr(Truth, "fault", fault)


def let_nobody_stray(monkeypatch):
    for module in (flow, warehouse):
        monkeypatch.setattr(module, "strays", lambda *_, **__: False)


def write_the_answer_into_the_note(monkeypatch):
    def note(self, rng, *, who, reason, condition, item):
        return f"reason {reason.replace('.', '')}"

    monkeypatch.setattr(Inspectors, "note", note)
    monkeypatch.setattr(warehouse.reasons, "mislabelled", lambda rng, reason, **_: reason)


def close_every_line_at_once(monkeypatch):
    def travel(world, line):
        world.journal.add("X03", line, world.env.now + 60, actor="RULES")
        yield world.env.timeout(0)
        return False

    monkeypatch.setattr(flow, "_travel", travel)


def make_every_line_worth_the_same(monkeypatch):
    def alternatives(unit):
        return {"RESTOCK": 100 / unit.quantity, "SCRAP": 0.0}

    monkeypatch.setattr(recovery, "alternatives", alternatives)
    monkeypatch.setattr(
        recovery, "decided", lambda rng, unit, *, site: rng.choice(("RESTOCK", "SCRAP"))
    )


def record_before_it_happens(monkeypatch):
    real = Integration.recorded
    monkeypatch.setattr(Integration, "recorded", lambda *args: real(*args) - 2 * DAY)


@pytest.mark.parametrize(
    ("sabotage", "check"),
    [
        (
            let_modern_sites_dawdle,
            acceptance.test_2_legacy_sites_are_slower_than_modern_ones_beyond_chance,
        ),
        (
            drown_variants_in_noise,
            acceptance.test_3_variants_are_many_but_a_few_carry_most_lines,
        ),
        (
            invent_documents,
            acceptance.test_4_every_open_break_names_documents_that_stand_in_the_native_files,
        ),
        (
            post_what_was_lost,
            acceptance.test_4_lost_and_rejected_movements_really_have_no_posting,
        ),
        (
            let_nobody_stray,
            acceptance.test_5_rules_are_broken_at_the_rates_meant,
        ),
        (
            write_the_answer_into_the_note,
            acceptance.test_6_notes_tell_the_reason_but_not_for_certain,
        ),
        (
            close_every_line_at_once,
            acceptance.test_7_closed_lines_alone_understate_the_cycle_time,
        ),
        (
            make_every_line_worth_the_same,
            acceptance.test_8_a_fifth_of_the_lines_holds_most_of_the_lost_value,
        ),
        (
            record_before_it_happens,
            acceptance.test_9_no_record_is_written_before_it_is_known,
        ),
    ],
)
def test_a_broken_simulator_is_caught(monkeypatch, tmp_path, sabotage, check):
    sabotage(monkeypatch)
    simulate(tmp_path / "out", lines=2_000, seed=1)
    with pytest.raises(AssertionError):
        check(tmp_path / "out")


def test_a_clock_in_the_bytes_is_caught(monkeypatch, tmp_path, sim_dir):
    stamp_files_with_the_clock(monkeypatch)
    simulate(tmp_path / "out", lines=2_000, seed=1)
    assert acceptance.digest(tmp_path / "out") != acceptance.digest(sim_dir)
