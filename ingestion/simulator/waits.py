"""What each return line waits for, told to the truth where the waiting happens."""

from collections.abc import Generator
from enum import StrEnum
from typing import Any

import simpy

from ingestion.simulator.line import Line
from ingestion.simulator.staffing import Station
from ingestion.simulator.world import World

Waiting = Generator[simpy.Event, Any, Any]


class Cause(StrEnum):
    """Why a line waits."""

    CONTENTION = "contention"
    """People are at work, but on other lines."""
    UNAVAILABILITY = "unavailability"
    """Nobody is at work: night, weekend, holiday, month-end freeze."""
    BATCHING = "batching"
    """The next cart, wave, run or batch is not due yet."""
    INTERFACE = "interface"
    """A file, a mail or a message is on its way."""
    HOLD = "hold"
    """Quarantine, dispute, or another strand of the same line that is not done."""
    EXTERNAL = "external"
    """The customer, the carrier or the supplier has it."""


def pause(
    world: World, line: Line, activity: str, cause: Cause, what: str, *, seconds: float
) -> Waiting:
    """Let time pass before an activity (its code), and say why."""
    since = world.env.now
    yield world.env.timeout(seconds)
    world.truth.wait(line, activity, cause=cause, what=what, since=since, until=world.env.now)


def queue(
    world: World, line: Line, station: Station, touch_s: float, *, activity: str, urgency: int = 5
) -> Waiting:
    """Have a station do a job; the value is (who, started, finished).

    The wait is told in two parts: while the station was open, and while it was closed.
    """
    asked = world.env.now
    done = yield station.work(touch_s, urgency=urgency)
    started = done[1]
    if started > asked:
        turn = asked + station.open_s(asked, started)
        for cause, since, until in (
            (Cause.CONTENTION, asked, turn),
            (Cause.UNAVAILABILITY, turn, started),
        ):
            world.truth.wait(
                line, activity, cause=cause, what=station.name, since=since, until=until
            )
    return done
