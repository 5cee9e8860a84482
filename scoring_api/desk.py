"""The desk: one thread that scores what is waiting and stores what comes of it.

A request hands over a ``Task``: return lines to score (perhaps none) and what to make of the
answers, usually an ``Effect`` to store. The thread takes everything that is waiting, scores it
together, commits all effects in one transaction and only then lets anybody answer. So advice is
never given before its row and its audit row are durable, and the disk is flushed once for many.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Engine

from ingestion.workers import GroupWorker
from scoring_api.journal import Effect, Reply, commit
from scoring_api.rack import ModelRack

GROUP = 32
"""Tasks taken at once, and lines of a batch scored at once: what a single request may wait for."""

Parts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Task:
    """Work for the desk.

    Parameters
    ----------
    finish : callable
        Gets the scorer's answers in the order of ``lines``; an ``Effect`` it makes is stored.
    lines : sequence of dict
        Each states its ``as_of``.
    """

    finish: Callable[[list[Parts]], Effect | list[Parts]]
    lines: Sequence[dict[str, Any]] = ()


class Desk:
    """The one thread of an app that scores and writes."""

    def __init__(self, engine: Engine, rack: ModelRack) -> None:
        self._engine = engine
        self._rack = rack
        self._worker: GroupWorker[Task, Reply | list[Parts]] = GroupWorker(
            self._work, name="retrace-desk", limit=GROUP
        )

    async def score(self, lines: Sequence[dict[str, Any]]) -> list[Parts]:
        """Score lines, store nothing."""
        answer = await self._worker.submit(Task(list, lines))
        assert isinstance(answer, list)
        return answer

    async def perform(self, task: Task) -> Reply:
        """Score and store; the reply of the effect, or of an earlier one with the same key.

        Raises
        ------
        Problem
            422 if an idempotency key was used for another payload, 503 without a model.
        """
        answer = await self._worker.submit(task)
        assert isinstance(answer, Reply)
        return answer

    async def store(self, effect: Effect) -> Reply:
        """Store an effect that needs no scoring."""
        return await self.perform(Task(lambda _: effect))

    def close(self) -> None:
        """Finish what is queued, then stop."""
        self._worker.close()

    def _work(self, tasks: Sequence[Task]) -> Sequence[Reply | list[Parts] | Exception]:
        lines = [line for task in tasks for line in task.lines]
        scored = iter(self._rack.required().score(lines) if lines else ())
        outcomes = [_finish(task, [next(scored).to_dict() for _ in task.lines]) for task in tasks]
        effects = [outcome for outcome in outcomes if isinstance(outcome, Effect)]
        replies = iter(commit(self._engine, effects) if effects else ())
        return [next(replies) if isinstance(item, Effect) else item for item in outcomes]


def _finish(task: Task, parts: list[Parts]) -> Effect | list[Parts] | Exception:
    try:
        return task.finish(parts)
    except Exception as error:  # noqa: BLE001 - told to whoever handed in this task
        return error
