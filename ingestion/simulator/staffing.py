"""Stations: queues served by people who work their calendar. Waiting comes from here alone."""

from collections import deque
from collections.abc import Generator
from heapq import heappop, heappush
from typing import Any, Final

import simpy

from ingestion.simulator.clock import Calendar

Waiting = Generator[simpy.Event, Any, Any]

_HELPED: Final = 0.55
"""What is left of a touch when temporary staff helps."""


class Station:
    """A queue with servers; the first of the most urgent is served first.

    Parameters
    ----------
    people : names of the servers; each handles one job at a time
    pace : factor on every touch time, set so that the base load fills the wanted share
    relief : queue length per server above which help is called in and touches take 45 % less
    """

    def __init__(
        self,
        env: simpy.Environment,
        *,
        name: str,
        people: list[str],
        calendar: Calendar,
        pace: float = 1.0,
        relief: int = 10**9,
        absences: dict[str, Calendar] | None = None,
    ) -> None:
        self.calendars = [(absences or {}).get(person, calendar) for person in people]
        self._rosters = list({id(one): one for one in self.calendars}.values())
        self.env = env
        self.name = name
        self.calendar = calendar
        self.pace = pace
        self.busy_s = 0.0
        self.waited_s = 0.0
        self.asked_s = 0.0
        self.jobs = 0
        self._relief = relief * len(people)
        self._queue: list[tuple[int, int, float, float, simpy.Event]] = []
        self._count = 0
        self._idle: deque[simpy.Event] = deque()
        for person in people:
            env.process(self._serve(person, (absences or {}).get(person, calendar)))

    def work(self, touch_s: float, *, urgency: int = 5) -> simpy.Event:
        """Queue a job; the event's value is (who, started, finished)."""
        done = self.env.event()
        self._count += 1
        self.asked_s += touch_s
        heappush(self._queue, (urgency, self._count, touch_s, self.env.now, done))
        if self._idle:
            self._idle.popleft().succeed()
        return done

    def open_s(self, start: float, end: float) -> float:
        """Seconds between two moments during which anybody is at work, at most their distance."""
        return max(calendar.worked(end) - calendar.worked(start) for calendar in self._rosters)

    def forget(self) -> None:
        """Count work, waiting and jobs from now on."""
        self.busy_s = self.waited_s = self.asked_s = 0.0
        self.jobs = 0

    def utilisation(self, start: float, end: float) -> float:
        """Share of the people's working time between two moments that jobs filled.

        Meaningful if all work since ``start`` is counted in ``busy_s``.
        """
        offered = sum(calendar.worked(end) - calendar.worked(start) for calendar in self.calendars)
        return self.busy_s / offered if offered else 0.0

    def _serve(self, person: str, calendar: Calendar) -> Waiting:
        env, queue = self.env, self._queue
        while True:
            opens = calendar.next_open(env.now)
            if opens > env.now:
                yield env.timeout(opens - env.now)
            if not queue:
                call = env.event()
                self._idle.append(call)
                yield call
                continue
            _, _, touch_s, queued, done = heappop(queue)
            started = env.now
            self.jobs += 1
            self.waited_s += started - queued
            work_s = touch_s * self.pace * (_HELPED if len(queue) > self._relief else 1.0)
            self.busy_s += work_s
            yield env.timeout(calendar.after(started, work_s) - started)
            done.succeed((person, started, env.now))
