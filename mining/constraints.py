"""DECLARE constraints of any log: which hold, how often they apply, which cases break them.

A constraint is *activated* in a case where its condition occurs; its support is the share of cases
that activate it, its confidence the share of those that keep it. Every pair of activities is tried.
Source: Pesic, Schonenberg, van der Aalst (2007), DECLARE: Full support for loosely-structured
processes, EDOC; measures by Maggi, Bose, van der Aalst (2012), CAiSE.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ingestion.errors import RetraceError
from mining.log import EventLog, Moment
from mining.traces import Variants, variants

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
MOST_ACTIVITIES = 100
_CELLS_AT_ONCE = 8_000_000
_NEVER = np.iinfo(np.int64).max

_SUCCESSIONS = ("succession", "alternate succession", "chain succession")
_RESPONSES = ("response", "alternate response", "chain response")
_PRECEDENCES = ("precedence", "alternate precedence", "chain precedence")
STRONGER = {
    "existence": ("exactly one", "init"),
    "responded existence": (*_RESPONSES, "coexistence", *_SUCCESSIONS),
    "coexistence": _SUCCESSIONS,
    "response": (*_RESPONSES[1:], *_SUCCESSIONS),
    "alternate response": (*_RESPONSES[2:], *_SUCCESSIONS[1:]),
    "chain response": _SUCCESSIONS[2:],
    "precedence": (*_PRECEDENCES[1:], *_SUCCESSIONS),
    "alternate precedence": (*_PRECEDENCES[2:], *_SUCCESSIONS[1:]),
    "chain precedence": _SUCCESSIONS[2:],
    "succession": _SUCCESSIONS[1:],
    "alternate succession": _SUCCESSIONS[2:],
    "not chain succession": ("not succession", "not coexistence"),
    "not succession": ("not coexistence",),
}
"""Template to the templates that imply it."""
NEGATIVE = frozenset({"absence", "not coexistence", "not succession", "not chain succession"})
_SYMMETRIC = frozenset({"coexistence", "not coexistence"})


class TooManyActivities(RetraceError):
    """Every pair is tried, so the number of activities is bounded."""


@dataclass(frozen=True, slots=True)
class Constraints:
    """DECLARE constraints with how they fare.

    Parameters
    ----------
    frame : frame with columns template, first, second, support, confidence, activated, violated
        ``second`` is null for constraints on one activity; support and confidence are shares
        (0-1), ``activated`` and ``violated`` count cases.
    """

    cases: int
    frame: pd.DataFrame = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``retrace mine declare``."""
        rows = self.frame.astype(object)
        return {
            "cases": self.cases,
            "constraints": rows.where(rows.notna(), None).to_dict("records"),
        }


def declare(
    log: EventLog,
    *,
    min_support: float = 0.1,
    min_confidence: float = 0.9,
    negative: bool = False,
    strongest: bool = True,
    site: str | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
) -> Constraints:
    """Discover the constraints most cases of a slice keep.

    Parameters
    ----------
    min_support, min_confidence : float in [0, 1]
    negative : bool
        Also list what must not happen; most pairs never meet, so these lists are long.
    strongest : bool
        Leave out a constraint where a stronger one over the same activities is listed as well.

    Raises
    ------
    UnknownSite, BadMoment, TooManyActivities
    """
    every = judge_constraints(log, site=site, start=start, end=end)
    frame = every.frame
    kept = frame[(frame["support"] >= min_support) & (frame["confidence"] >= min_confidence)]
    if not negative:
        kept = kept[~kept["template"].isin(NEGATIVE)]
    if strongest:
        kept = _without_implied(kept)
    order = ["confidence", "support", "template", "first", "second"]
    kept = kept.sort_values(order, ascending=[False, False, True, True, True], ignore_index=True)
    return Constraints(every.cases, kept)


def check_constraints(
    log: EventLog,
    constraints: Constraints,
    *,
    site: str | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
) -> Constraints:
    """How constraints found elsewhere (a site, a period, another log) fare in a slice.

    Returns
    -------
    Constraints
        The same constraints with this slice's figures, the most violated first; confidence is NaN
        where no case activates one.
    """
    here = judge_constraints(log, site=site, start=start, end=end)
    keys = ["template", "first", "second"]
    asked = constraints.frame[keys]
    frame = asked.merge(here.frame, on=keys, how="left").fillna(
        {"support": 0.0, "activated": 0, "violated": 0}
    )
    counts = ["activated", "violated"]
    frame[counts] = frame[counts].astype("int64")
    order = ["violated", "activated", *keys]
    return Constraints(
        here.cases,
        frame.sort_values(order, ascending=[False, False, True, True, True], ignore_index=True),
    )


def judge_constraints(
    log: EventLog,
    *,
    site: str | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
) -> Constraints:
    """Support and confidence of every constraint over the activities of a slice."""
    return judge_variants(variants(log, top=None, site=site, start=start, end=end))


def judge_variants(found: Variants) -> Constraints:
    """The same from all variants of a slice (``top=None``)."""
    names = sorted({name for trace in found.top["activities"] for name in trace})
    if len(names) > MOST_ACTIVITIES:
        raise TooManyActivities(
            f"{len(names)} activities make too many pairs (at most {MOST_ACTIVITIES}). "
            "Narrow the slice, or map activities to fewer names."
        )
    activated: dict[str, Ints] = {}
    kept: dict[str, Ints] = {}
    for traces in _chunks(found.top, names):
        for template, (active, holds) in _judged(traces):
            some = np.tensordot(traces.weight, active, axes=1)
            good = np.tensordot(traces.weight, active & holds, axes=1)
            activated[template] = activated.get(template, 0) + some
            kept[template] = kept.get(template, 0) + good
    parts = [_rows(t, activated[t], kept[t], names, found.cases) for t in activated]
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=_COLUMNS)
    return Constraints(found.cases, frame)


_COLUMNS = ["template", "first", "second", "support", "confidence", "activated", "violated"]


@dataclass(frozen=True, slots=True)
class _Traces:
    """Some variants, flat: position in ``step`` order, the variant each step belongs to."""

    step: Ints
    variant: Ints
    weight: Ints
    activities: int

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.weight), self.activities


def _chunks(top: pd.DataFrame, names: list[str]) -> Iterator[_Traces]:
    number = {name: n for n, name in enumerate(names)}
    at_once = max(_CELLS_AT_ONCE // max(len(names), 1) ** 2, 1)
    for first in range(0, len(top), at_once):
        some = top.iloc[first : first + at_once]
        lengths = some["activities"].map(len).to_numpy(np.int64)
        steps = [number[name] for trace in some["activities"] for name in trace]
        yield _Traces(
            np.array(steps, np.int64),
            np.repeat(np.arange(len(some)), lengths),
            some["count"].to_numpy(np.int64),
            len(names),
        )


def _judged(traces: _Traces) -> Iterator[tuple[str, tuple[Flags, Flags]]]:
    """Per template, in which variants each activity (or pair) activates it and keeps it."""
    v, a = traces.shape
    place = np.arange(len(traces.step))
    cell = traces.variant * a + traces.step
    count = np.bincount(cell, minlength=v * a).reshape(v, a)
    first, last = np.full((v, a), _NEVER), np.full((v, a), -1)
    np.minimum.at(first.reshape(-1), cell, place)
    np.maximum.at(last.reshape(-1), cell, place)
    has, always = count > 0, np.ones((v, a), bool)
    begins = np.zeros((v, a), bool)
    opening = np.flatnonzero(np.diff(traces.variant, prepend=-1))
    begins[traces.variant[opening], traces.step[opening]] = True
    yield "existence", (always, has)
    yield "absence", (always, ~has)
    yield "exactly one", (always, count == 1)
    yield "init", (always, begins)
    one, other = has[:, :, None], has[:, None, :]  # the first activity down, the second across
    either, both = one | other, one & other
    yield "responded existence", (np.broadcast_to(one, both.shape), both)
    yield "coexistence", (either, both)
    yield "not coexistence", (either, ~both)
    response = last[:, :, None] < last[:, None, :]
    precedence = first[:, :, None] < first[:, None, :]
    alternate_response = ~_unanswered(traces)
    alternate_precedence = ~_unanswered(_backwards(traces)).transpose(0, 2, 1)
    follows = _direct(traces)
    chain_response = follows == count[:, :, None]
    chain_precedence = follows == count[:, None, :]
    for name, answered, preceded in (
        ("", response, precedence),
        ("alternate ", alternate_response, alternate_precedence),
        ("chain ", chain_response, chain_precedence),
    ):
        yield f"{name}response", (np.broadcast_to(one, both.shape), answered)
        yield f"{name}precedence", (np.broadcast_to(other, both.shape), preceded)
        yield f"{name}succession", (either, answered & preceded)
    yield (
        "not succession",
        (
            np.broadcast_to(one, both.shape),
            last[:, None, :] < first[:, :, None],
        ),
    )
    yield "not chain succession", (np.broadcast_to(one, both.shape), follows == 0)


def _backwards(traces: _Traces) -> _Traces:
    """The same variants read from the end; the variants themselves keep their numbers."""
    return _Traces(traces.step[::-1], traces.variant[::-1], traces.weight, traces.activities)


def _next_place(traces: _Traces, wanted: Flags) -> Ints:
    """Place of the next wanted step after each step of the same variant, else ``_NEVER``."""
    place = np.where(wanted, np.arange(len(traces.step)), _NEVER)
    coming = np.minimum.accumulate(place[::-1])[::-1]
    after = np.append(coming[1:], _NEVER)
    inside = np.append(traces.variant, -1)[np.minimum(after, len(traces.step))] == traces.variant
    return np.where(inside, after, _NEVER)


def _unanswered(traces: _Traces) -> Flags:
    """Variant x first x second: some first has no second before the next first."""
    v, a = traces.shape
    again = np.full(len(traces.step), _NEVER)
    coming = [_next_place(traces, traces.step == number) for number in range(a)]
    for number in range(a):
        mine = traces.step == number
        again[mine] = coming[number][mine]
    cell = traces.variant * a + traces.step
    found = np.zeros((v, a, a), bool)
    for number in range(a):
        late = (coming[number] >= again) | (coming[number] == _NEVER)
        found[:, :, number] = np.bincount(cell[late], minlength=v * a).reshape(v, a) > 0
    return found


def _direct(traces: _Traces) -> Ints:
    """Variant x first x second: how often the second follows the first directly."""
    v, a = traces.shape
    inside = traces.variant[1:] == traces.variant[:-1]
    pair = (traces.variant[1:] * a + traces.step[:-1]) * a + traces.step[1:]
    return np.bincount(pair[inside], minlength=v * a * a).reshape(v, a, a)


def _rows(template: str, activated: Ints, kept: Ints, names: list[str], cases: int) -> pd.DataFrame:
    labels = np.array(names, object)
    places = np.argwhere(activated > 0)
    if activated.ndim == 2:
        places = places[places[:, 0] != places[:, 1]]
        if template in {"coexistence", "not coexistence"}:
            places = places[places[:, 0] < places[:, 1]]  # the same both ways
    some, good = activated[tuple(places.T)], kept[tuple(places.T)]
    return pd.DataFrame(
        {
            "template": template,
            "first": labels[places[:, 0]],
            "second": labels[places[:, 1]] if activated.ndim == 2 else None,
            "support": some / cases,
            "confidence": good / some,
            "activated": some,
            "violated": some - good,
        }
    )


def _without_implied(frame: pd.DataFrame) -> pd.DataFrame:
    known = set(zip(frame["template"], frame["first"], frame["second"], strict=True))

    def implied(template: str, first: str, second: str | None) -> bool:
        for stronger in STRONGER.get(template, ()):
            either_way = stronger in _SYMMETRIC or template in _SYMMETRIC
            if (stronger, first, second) in known:
                return True
            if either_way and (stronger, second, first) in known:
                return True
        return False

    keep = [
        not implied(*row)
        for row in zip(frame["template"], frame["first"], frame["second"], strict=True)
    ]
    return frame[keep]
