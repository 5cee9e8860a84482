"""A thread that handles everything waiting in one call: batches form by themselves under load.

Nobody waits for a batch to fill: an idle worker takes a single job at once, a busy one finds
several when it comes back. The API's desk and the broker consumer use it.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import SimpleQueue
from typing import Generic, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


class GroupWorker(Generic[Job, Result]):
    """One thread and its queue.

    Parameters
    ----------
    handle : callable
        Takes 1 to ``limit`` jobs, answers one result or exception per job, in order. If it
        raises, the jobs are handled again one by one, so one bad job harms no other.
    limit : int
        Jobs per call, at most.
    """

    def __init__(
        self,
        handle: Callable[[Sequence[Job]], Sequence[Result | Exception]],
        *,
        name: str,
        limit: int,
    ) -> None:
        self._handle = handle
        self._name = name
        self._limit = limit
        self._queue: SimpleQueue[tuple[Job, asyncio.Future[Result]] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def submit(self, job: Job) -> "asyncio.Future[Result]":
        """Queue a job from a running event loop; await the future for its result."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._queue.put((job, future))
        return future

    def close(self) -> None:
        """Finish what is queued, then end the thread; a later job starts a new one."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            group, more = [first], True
            while more and len(group) < self._limit and not self._queue.empty():
                following = self._queue.get()
                if following is None:
                    more = False
                else:
                    group.append(following)
            self._answer(group)
            if not more:
                return

    def _answer(self, group: list[tuple[Job, "asyncio.Future[Result]"]]) -> None:
        results = self._results([job for job, _ in group])
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Result], int]]] = {}
        for position, (_, future) in enumerate(group):
            by_loop.setdefault(future.get_loop(), []).append((future, position))
        for loop, futures in by_loop.items():
            answers = [(future, results[position]) for future, position in futures]
            with suppress(RuntimeError):  # the loop has gone: nobody is left to tell
                loop.call_soon_threadsafe(_deliver, answers)

    def _results(self, jobs: list[Job]) -> Sequence[Result | Exception]:
        try:
            return self._handle(jobs)
        except Exception as error:  # noqa: BLE001 - whatever a job raises belongs to whoever asked for it
            if len(jobs) == 1:
                return [error]
        return [result for job in jobs for result in self._results([job])]


def _deliver(answers: "Sequence[tuple[asyncio.Future[Result], Result | Exception]]") -> None:
    for future, result in answers:
        if future.done():
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
