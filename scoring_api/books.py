"""What the API tells from the reconciliation: open and closed breaks, with their history."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.engine import Engine

from ingestion.settings import Settings

_REMEMBERED: Final = 2  # reconciliations are large


@dataclass(frozen=True, slots=True)
class Book:
    """The breaks of one moment.

    ``matched`` counts movements without any difference by site ("" where none is stated);
    ``breaks`` holds one dictionary per break, the dearest first.
    """

    as_of: datetime
    matched: dict[str, int]
    breaks: tuple[dict[str, Any], ...]


class Books:
    """Reconciliations of one home, computed once per state of the lake and of the breaks.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        Where the history of breaks is kept.
    """

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._settings = settings
        self._engine = engine
        self._found: OrderedDict[tuple[object, ...], Any] = OrderedDict()
        self._asking = asyncio.Lock()

    async def open(self, as_of: datetime | None) -> Book:
        """Reconcile what was known at a moment; everything by default.

        Raises
        ------
        RetraceError
            The lake is empty, or the moment cannot be meant.
        """
        async with self._asking:  # the second to ask waits for the first one's answer
            return await asyncio.to_thread(self._open, as_of)

    def _open(self, as_of: datetime | None) -> Book:
        from ingestion.lake import Lake
        from mining.reconciliation import reconcile
        from mining.reconciliation.life import BreakLog

        log = BreakLog(self._engine)
        version = Lake(self._settings.home).version("deliveries")
        key = (version, as_of, log.last_step())
        if key not in self._found:
            found = reconcile(self._settings.home, as_of=as_of)
            lives = log.lives(as_of=None if as_of is None else found.as_of)
            self._found[key] = _book(found, lives)
            if len(self._found) > _REMEMBERED:
                self._found.popitem(last=False)
        self._found.move_to_end(key)
        book: Book = self._found[key]
        return book


def _book(found: Any, lives: dict[str, Any]) -> Book:
    rows = found.movements
    clean = rows[(rows["side"] == "left") & (rows["type"] == "")]
    matched = clean["site"].fillna("").value_counts()
    breaks = [_open_break(one, lives.get(one.break_id)) for one in found.breaks]
    told = {one["break_id"] for one in breaks}
    for life in lives.values():
        if life.break_id not in told:
            breaks.append(_former_break(life, found))
    breaks.sort(key=lambda one: (-one["value_at_risk"], one["break_id"]))
    return Book(found.as_of, {str(k): int(v) for k, v in matched.items()}, tuple(breaks))


def _open_break(one: Any, life: Any) -> dict[str, Any]:
    more = ("site", "sku", "line", "owner", "root_cause", "age_bucket", "found_by")
    told: dict[str, Any] = one.to_dict() | {name: getattr(one, name) for name in more}
    told["opened_at"] = one.opened_at and one.opened_at.isoformat()
    return told | _history(life, "open" if life is None else life.status)


def _former_break(life: Any, found: Any) -> dict[str, Any]:
    """A break the data no longer shows, with the facts it was last found with."""
    status = "closed" if life.facts["type"] in found.examined else life.status
    told = {name: value for name, value in life.facts.items() if name != "rules"}
    return told | {"age_bucket": None, "found_by": None} | _history(life, status)


def _history(life: Any, status: str) -> dict[str, Any]:
    return {
        "status": status,
        "assignee": None if life is None else life.assignee,
        "history": [] if life is None else [step.to_dict() for step in life.steps],
    }
