"""Discrete-event simulation of a workload: steps queue for the people of their pool, first come."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import simpy

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Queueing:
    """What a run needs.

    Parameters
    ----------
    before : array of shape (n_steps,)
        The step that makes it ready, -1: ready at ``ready_us``.
    delay_us, work_us : arrays of shape (n_steps,)
        Wait before it can be queued for, and time on duty it takes.
    pool : array of shape (n_steps,)
        Whom it queues for; -1: nobody.
    spells : list of arrays of shape (n, 2)
        When each person is on duty; work that a spell ends is taken up in the person's next one.
    pool_of : array of shape (n_people,)
    """

    before: Ints
    ready_us: Ints
    delay_us: Ints
    work_us: Ints
    pool: Ints
    spells: list[Ints]
    pool_of: Ints


def run_queues(work: Queueing) -> Ints:
    """When each step is done, microseconds; -1 where people's spells ended before."""
    return _Run(work).done


class _Run:
    def __init__(self, work: Queueing) -> None:
        self.env = simpy.Environment(initial_time=int(work.ready_us[work.before < 0].min()))
        self.delay, self.work = work.delay_us.tolist(), work.work_us.tolist()
        self.pool = work.pool.tolist()
        self.next: list[list[int]] = [[] for _ in self.delay]
        for step, enabler in enumerate(work.before.tolist()):
            if enabler >= 0:
                self.next[enabler].append(step)
        self.done = np.full(len(self.delay), -1, np.int64)
        pools = sorted(set(work.pool_of.tolist()))
        self.queues = {number: simpy.Store(self.env) for number in pools}
        for spells, number in zip(work.spells, work.pool_of.tolist(), strict=True):
            if len(spells):
                self.env.process(self._person(spells.tolist(), self.queues[number]))
        for step in np.flatnonzero(work.before < 0).tolist():
            self._enable(step, int(work.ready_us[step]))
        self.env.run()

    def _enable(self, step: int, at: int) -> None:
        """The step is ready; what needs no person is done without asking the clock."""
        waiting = [(step, at)]
        while waiting:
            step, at = waiting.pop()
            at += self.delay[step]
            if self.pool[step] in self.queues:
                self._queue(step, at)
                continue
            at += self.work[step]
            self.done[step] = at
            waiting += [(after, at) for after in self.next[step]]

    def _queue(self, step: int, at: int) -> None:
        arrival = self.env.timeout(max(at - self.env.now, 0), step)
        arrival.callbacks.append(self._arrive)

    def _arrive(self, arrival: simpy.Event) -> None:
        step: Any = arrival.value
        self.queues[self.pool[step]].put(step)

    def _person(self, spells: list[list[int]], queue: simpy.Store) -> Generator[Any, Any, None]:
        step, left = -1, 0
        for begins, ends in spells:
            if begins > self.env.now:
                yield self.env.timeout(begins - self.env.now)
            while self.env.now < ends:
                if step < 0:
                    asked = queue.get()
                    yield asked | self.env.timeout(ends - self.env.now)
                    if not asked.triggered:
                        asked.cancel()
                        break
                    step = self._taken(asked)
                    left = self.work[step]
                spent = min(left, ends - int(self.env.now))
                yield self.env.timeout(spent)
                left -= spent
                if left <= 0:
                    self._finish(step)
                    step = -1
        if step >= 0:  # what was begun is finished, whatever the hour
            yield self.env.timeout(left)
            self._finish(step)

    @staticmethod
    def _taken(asked: Any) -> int:
        return int(asked.value)

    def _finish(self, step: int) -> None:
        now = int(self.env.now)
        self.done[step] = now
        for after in self.next[step]:
            self._enable(after, now)
