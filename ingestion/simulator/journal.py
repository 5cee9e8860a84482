"""The journal: facts enter as they happen and leave in the order the systems record them."""

from bisect import bisect_right
from collections.abc import Callable
from operator import itemgetter
from typing import Any

from ingestion.simulator.line import Fact, Line

Write = Callable[[Fact], None]


class Journal:
    """Holds facts back until the moment their source system records them."""

    def __init__(self, *, end: float, route: Callable[[Fact], Write | None], truth: Write) -> None:
        self.end = end
        self._route = route
        self._truth = truth
        self._pending: list[tuple[float, int, Write, Fact]] = []
        self._count = 0
        self.written = 0

    def add(
        self,
        code: str,
        line: Line,
        occurred: float,
        *,
        recorded: float | None = None,
        actor: str = "",
        human: bool = False,
        site: str | None = None,
        **values: Any,
    ) -> Fact | None:
        """Note a fact; unrecorded (warm-up) lines and times after the log's end leave nothing."""
        if line.ghost or occurred > self.end:
            return None
        self._count += 1
        fact = Fact(
            code=code,
            line=line,
            occurred=occurred,
            recorded=occurred if recorded is None else recorded,
            site=line.site.code if site is None else site,
            actor=actor,
            human=human,
            number=self._count,
            values=values,
        )
        self._truth(fact)
        write = self._route(fact)
        if write is not None:
            self.push(fact, write)
        return fact

    def push(self, fact: Fact, write: Write) -> None:
        """Queue a rendering of a fact for the moment it is recorded."""
        if fact.recorded <= self.end:
            self._count += 1
            self._pending.append((fact.recorded, self._count, write, fact))

    def flush(self, until: float) -> None:
        """Write everything recorded up to ``until``."""
        pending = self._pending
        pending.sort()
        due = bisect_right(pending, until, key=itemgetter(0))
        for _, _, write, fact in pending[:due]:
            write(fact)
        del pending[:due]
        self.written += due
