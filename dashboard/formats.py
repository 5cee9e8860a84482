"""How numbers are written for people: durations, money, shares, counts."""

from __future__ import annotations

import math
from datetime import datetime

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
MISSING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"


def duration(seconds: float | None) -> str:
    """Write a duration in the one unit a reader thinks in.

    Parameters
    ----------
    seconds : float or None
        ``None`` and NaN mean unknown; infinity means never reached.

    >>> [duration(s) for s in (0, 42, 90, 4 * 3600, 2.3 * 86400, 200 * 86400)]
    ['0 s', '42 s', '1.5 min', '4 h', '2.3 d', '200 d']
    """
    if seconds is None or math.isnan(seconds):
        return MISSING
    if math.isinf(seconds):
        return "not reached"
    unit, length = unit_for(seconds)
    return f"{number(seconds / length)} {unit}"


def unit_for(seconds: float) -> tuple[str, float]:
    """Choose the unit a duration is thought of in, and its length in seconds.

    >>> unit_for(50), unit_for(5 * 86400)
    (('s', 1.0), ('d', 86400.0))
    """
    size = abs(seconds)
    if size < 90:
        return "s", 1.0
    if size < 90 * MINUTE:
        return "min", MINUTE
    return ("h", HOUR) if size < 2 * DAY else ("d", DAY)


def number(value: float | None) -> str:
    """Write a number with at most three significant digits below 100.

    >>> [number(v) for v in (0, 0.25, 2.0, 2.34, 41.7, 1234567, -3.5)]
    ['0', '0.25', '2', '2.3', '42', '1,234,567', '\N{MINUS SIGN}3.5']
    """
    if value is None or math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "not reached"
    size = abs(value)
    digits = 0 if size >= 10 or size == 0 else 1 if size >= 1 else 2
    text = f"{size:,.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"{MINUS}{text}" if value < 0 and text.strip("0.,") else text


def compact(value: float) -> str:
    """Write a count in little space.

    >>> [compact(v) for v in (7, 999, 1234, 45678, 1234567)]
    ['7', '999', '1.2k', '46k', '1.2M']
    """
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{number(value / size)}{letter}"
    return number(value)


def share(value: float | None) -> str:
    """Write a share between 0 and 1 as a percentage.

    >>> [share(v) for v in (0, 0.0004, 0.034, 0.5, 1.0)]
    ['0 %', '<0.1 %', '3.4 %', '50 %', '100 %']
    """
    if value is None or math.isnan(value):
        return MISSING
    if 0 < value < 0.001:
        return "<0.1 %"
    percent = 100 * value
    digits = 1 if 0 < abs(percent) < 10 or 99 < percent < 100 else 0
    text = f"{percent:.{digits}f}"
    return f"{text.removesuffix('.0')} %".replace("-", MINUS)


def money(value: float | None, currency: str = "USD") -> str:
    """Write an amount of money in little space, currency first.

    >>> money(1234567.0), money(-420.5, "EUR")
    ('USD 1.2M', '\N{MINUS SIGN}EUR 420')
    """
    if value is None or math.isnan(value):
        return MISSING
    text = f"{currency} {compact(abs(value))}"
    return f"{MINUS}{text}" if value < 0 else text


def moment(when: datetime | None) -> str:
    """Write a point in time, to the minute and in UTC.

    >>> moment(datetime(2026, 6, 30, 17, 5))
    '30 Jun 2026, 17:05 UTC'
    """
    if when is None:
        return MISSING
    return f"{when.day} {when:%b %Y, %H:%M} UTC"


def band(low: float | None, high: float | None, unit: str) -> str:
    """Write a confidence interval; an end the data do not bound is left open.

    Ends that would read alike get a digit more.

    >>> band(2.1, 3.4, "days"), band(2.1, None, "days"), band(None, None, "days")
    ('2.1 d to 3.4 d', 'from 2.1 d', '')
    >>> band(10.14, 10.28, "days"), band(0.966, 0.973, "share")
    ('10.1 d to 10.3 d', '96.6 % to 97.3 %')
    """
    if low is None and high is None:
        return ""
    if low is None or high is None:
        return f"from {measure(low, unit)}" if high is None else f"up to {measure(high, unit)}"
    ends = measure(low, unit), measure(high, unit)
    if ends[0] == ends[1] and low != high:
        ends = _finer(low, unit), _finer(high, unit)
    return f"{ends[0]} to {ends[1]}"


def _finer(value: float, unit: str) -> str:
    """Write a value of two digits or more with one digit after the point."""
    if unit in ("share", "ratio"):
        return f"{100 * value:.1f} %"
    if unit in ("days", "hours"):
        seconds = value * (DAY if unit == "days" else HOUR)
        name, length = unit_for(seconds)
        return f"{seconds / length:.1f} {name}"
    return f"{value:,.1f} {unit}"


def in_unit(value: float, unit: str) -> str:
    """Write a value in exactly its own unit, as an axis wants it.

    >>> in_unit(0, "days"), in_unit(0.5, "share")
    ('0 d', '50 %')
    """
    short = {"days": "d", "hours": "h", "seconds": "s"}.get(unit)
    return f"{number(value)} {short}" if short else measure(value, unit)


def measure(value: float | None, unit: str) -> str:
    """Write a KPI's value in its own unit (``days``, ``hours``, ``s``, ``share`` or a currency).

    >>> measure(2.31, "days"), measure(0.934, "share"), measure(1200.0, "USD")
    ('2.3 d', '93 %', 'USD 1.2k')
    """
    lengths = {
        "days": DAY,
        "d": DAY,
        "hours": HOUR,
        "h": HOUR,
        "minutes": MINUTE,
        "s": 1.0,
        "seconds": 1.0,
    }
    if value is None or math.isnan(value):
        return MISSING
    if unit in lengths:
        return duration(value * lengths[unit])
    if unit in ("share", "ratio"):
        return share(value)
    if len(unit) == 3 and unit.isupper():
        return money(value, unit)
    return f"{number(value)} {unit}".strip()
