"""The life of a break: who did what to it, when and why, as events that are never changed.

A reconciliation that is recorded opens what is new, closes what the data has cleared and reopens
what came back; people assign, explain, correct, close and reopen. The state of a break is what its
events add up to, so it can be read as of any moment.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from ingestion.database import BREAK_EVENTS, writing
from ingestion.errors import RetraceError
from mining.reconciliation.clearing import Clearing
from mining.reconciliation.findings import Break, Reconciliation

RETRACE: Final = "retrace"
ACTIONS: Final = ("assigned", "explained", "corrected", "closed", "reopened")
"""What a person may do."""
STATES: Final = ("open", "assigned", "explained", "corrected", "closed")
_SAME: Final = ("type", "delta_quantity", "delta_value")


class UnknownBreak(RetraceError):
    """No break of that id was ever recorded."""

    def __init__(self, break_id: str) -> None:
        self.break_id = break_id
        super().__init__(
            f"No break {break_id!r} has been recorded. Record what is open with: retrace "
            "reconcile; list it with: retrace breaks list"
        )


class BadStep(RetraceError):
    """A step that a break in its state, or in general, cannot take."""


@dataclass(frozen=True, slots=True)
class Step:
    """One event in the life of a break.

    Parameters
    ----------
    kind : str
        opened, reclassified, assigned, explained, corrected, closed or reopened.
    at : datetime
        When it was recorded, by the clock of whoever recorded it.
    known_at : datetime
        State of the data it was judged by: ``as_of`` of the last recorded reconciliation.
    actor : str
        Who did it; ``retrace`` where the data did.
    why : str
    assignee : str, optional
        Who looks after it from now on.
    facts : dict, optional
        The break as it was found (opened, reclassified and reopened by the data).
    """

    break_id: str
    kind: str
    at: datetime
    known_at: datetime
    actor: str
    why: str
    assignee: str | None = None
    facts: Mapping[str, Any] | None = field(default=None, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The step in words, without the facts."""
        said = {"kind": self.kind, "at": self.at.isoformat(), "actor": self.actor, "why": self.why}
        return said | ({"assignee": self.assignee} if self.assignee else {})


@dataclass(frozen=True, slots=True)
class Life:
    """What became of one break.

    ``facts`` are those it was last found with; ``status`` is open, assigned, explained, corrected
    or closed.
    """

    break_id: str
    status: str
    assignee: str | None
    facts: Mapping[str, Any]
    steps: tuple[Step, ...]

    @property
    def closed_by_data(self) -> bool:
        return self.status == "closed" and self.steps[-1].actor == RETRACE


@dataclass(frozen=True, slots=True)
class Recorded:
    """How many breaks a recorded reconciliation opened, reclassified, closed and reopened."""

    opened: int = 0
    reclassified: int = 0
    closed: int = 0
    reopened: int = 0


class BreakLog:
    """The recorded lives of a home's breaks.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        From ``ingestion.database.engine``.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def known_at(self) -> datetime | None:
        """State of the data of the last recorded reconciliation; None before the first."""
        with self._engine.connect() as connection:
            return _known_at(connection)

    def last_step(self) -> int:
        """Number of the newest step of any break; 0 before the first."""
        with self._engine.connect() as connection:
            return connection.execute(sa.select(sa.func.max(BREAK_EVENTS.c.event_no))).scalar() or 0

    def lives(self, *, as_of: datetime | None = None) -> dict[str, Life]:
        """Every recorded break by id; with ``as_of`` what was recorded about the data of then."""
        with self._engine.connect() as connection:
            return _lives(connection, as_of)

    def life(self, break_id: str) -> Life:
        """One break.

        Raises
        ------
        UnknownBreak
        """
        with self._engine.connect() as connection:
            return _life(connection, break_id)

    def record(self, found: Reconciliation, *, at: datetime) -> Recorded | None:
        """Open, reclassify, close and reopen what the reconciliation says.

        Parameters
        ----------
        at : datetime
            The clock now.

        Returns
        -------
        Recorded, or None where data of a later moment has been recorded already: the past is not
        written again.
        """
        with writing(self._engine) as connection:
            latest = _known_at(connection)
            if latest is not None and found.as_of < latest:
                return None
            steps = list(_steps_of(found, _lives(connection, None), at))
            _append(connection, steps)
        kinds = [step.kind for step in steps]
        return Recorded(**{kind: kinds.count(kind) for kind in Recorded.__dataclass_fields__})

    def act(
        self,
        break_id: str,
        kind: str,
        *,
        by: str,
        why: str,
        at: datetime,
        assignee: str | None = None,
    ) -> Life:
        """Record what a person did.

        Parameters
        ----------
        kind : one of ``ACTIONS``

        Raises
        ------
        UnknownBreak, BadStep
        """
        _refuse_incomplete(kind, by, why, assignee)
        with writing(self._engine) as connection:
            before = _life(connection, break_id)
            if (before.status == "closed") != (kind == "reopened"):
                raise BadStep(
                    f"Break {break_id} is {before.status} and cannot be {kind}. See what happened "
                    f"to it with: retrace breaks show {break_id}"
                )
            latest = _known_at(connection) or at
            _append(connection, [Step(break_id, kind, at, latest, by, why, assignee)])
            return _life(connection, break_id)


def _refuse_incomplete(kind: str, by: str, why: str, assignee: str | None) -> None:
    if kind not in ACTIONS:
        raise BadStep(f"A break cannot be {kind!r}; it can be {', '.join(ACTIONS)}.")
    if not by.strip() or len(by) > 200 or len(assignee or "") > 200:
        raise BadStep("Say who did it, in at most 200 characters.")
    if kind == "assigned" and not (assignee or "").strip():
        raise BadStep("Say whom the break is assigned to.")
    if kind != "assigned" and not why.strip():
        raise BadStep(f"Say why the break is {kind}.")


def _steps_of(found: Reconciliation, lives: dict[str, Life], at: datetime) -> Iterator[Step]:
    """What the reconciliation adds to the lives, in the order of break ids."""
    now = {one.break_id: one for one in found.breaks}
    clearing = Clearing(found)
    for break_id in sorted(now.keys() | lives.keys()):
        one, life = now.get(break_id), lives.get(break_id)
        kind, why = _next(one, life, clearing, found)
        if kind:
            facts = _facts(one, found) if one else None
            yield Step(break_id, kind, at, found.as_of, RETRACE, why, facts=facts)


def _next(
    one: Break | None, life: Life | None, clearing: Clearing, found: Reconciliation
) -> tuple[str, str]:
    """Kind and reason of the step a break takes, ("", "") where it takes none."""
    if life is None:
        return ("opened", one.explanation) if one else ("", "")
    if one is None:
        gone = life.status != "closed" and life.facts["type"] in found.examined
        return ("closed", clearing.why(life.facts)) if gone else ("", "")
    told = _facts(one, found)
    changed = any(told[name] != life.facts[name] for name in _SAME)
    if life.closed_by_data:
        return "reopened", f"It is back: {one.explanation}"
    if life.status == "closed" and changed:
        return "reopened", f"It is not what was closed: {one.explanation}"
    if changed and life.status != "closed":
        return "reclassified", f"{life.facts['type']} became {one.type}: {one.explanation}"
    return "", ""


def _facts(one: Break, found: Reconciliation) -> dict[str, Any]:
    more = {"site": one.site, "sku": one.sku, "line": one.line, "owner": one.owner}
    opened = one.opened_at.isoformat() if one.opened_at else None
    more |= {"root_cause": one.root_cause, "opened_at": opened, "rules": found.rules}
    return one.to_dict() | more


def _append(connection: Connection, steps: Iterable[Step]) -> None:
    rows = [
        {name: getattr(step, name) for name in Step.__dataclass_fields__}
        | {"facts": None if step.facts is None else json.dumps(step.facts)}
        for step in steps
    ]
    if rows:
        connection.execute(sa.insert(BREAK_EVENTS), rows)


def _known_at(connection: Connection) -> datetime | None:
    query = sa.select(BREAK_EVENTS.c.known_at).order_by(BREAK_EVENTS.c.known_at.desc()).limit(1)
    latest: datetime | None = connection.execute(query).scalar()
    return latest


def _lives(connection: Connection, as_of: datetime | None) -> dict[str, Life]:
    query = sa.select(BREAK_EVENTS)
    return _grow(
        connection, query if as_of is None else query.where(BREAK_EVENTS.c.known_at <= as_of)
    )


def _life(connection: Connection, break_id: str) -> Life:
    query = sa.select(BREAK_EVENTS).where(BREAK_EVENTS.c.break_id == break_id)
    found = _grow(connection, query).get(break_id)
    if found is None:
        raise UnknownBreak(break_id)
    return found


def _grow(connection: Connection, query: "sa.Select[Any]") -> dict[str, Life]:
    """Lives out of their steps."""
    lives: dict[str, Life] = {}
    for row in connection.execute(query.order_by(BREAK_EVENTS.c.event_no)).mappings():
        said = {name: row[name] for name in Step.__dataclass_fields__}
        step = Step(**said | {"facts": json.loads(said["facts"]) if said["facts"] else None})
        life = lives.get(step.break_id) or Life(step.break_id, "open", None, {}, ())
        lives[step.break_id] = replace(
            life,
            status=_status(life.status, step.kind),
            assignee=step.assignee or life.assignee,
            facts=step.facts or life.facts,
            steps=(*life.steps, step),
        )
    return lives


def _status(before: str, kind: str) -> str:
    if kind in ("opened", "reopened"):
        return "open"
    return before if kind == "reclassified" else kind
