"""What transport does to records on their way to us: twice, late, broken, with a wrong clock."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from ingestion.simulator.clock import HOUR, iso
from ingestion.simulator.native.files import json_row

Report = Callable[[str, list[str]], None]
"""Tells the truth of a fault: its name and the documents it touches."""

_TWICE: Final = 0.007
_LATER: Final = 0.02
_BROKEN: Final = 0.001
_SKEWED: Final = 0.005


@dataclass(frozen=True, slots=True)
class WrongClock:
    """A spell during which a site's server forgot a change of the clock."""

    start: float
    end: float


class AtLeastOnce:
    """An at-least-once, unordered channel of JSON records.

    Some records come twice, some come after younger ones, a few are broken.
    """

    def __init__(
        self,
        write: Callable[[float, str], None],
        *,
        rng: Random,
        report: Report,
        wrong_clocks: tuple[WrongClock, ...] = (),
    ) -> None:
        self._write = write
        self._rng = rng
        self._report = report
        self._wrong_clocks = wrong_clocks
        self._held: list[tuple[int, str]] = []
        self._count = 0

    def send(
        self, record: dict[str, Any], *, time_key: str, occurred: float, at: float, document: str
    ) -> None:
        """Send a record at a moment; the channel decides what arrives, and when.

        ``document`` names the record in the truth.
        """
        self._count += 1
        rng = self._rng
        draw = rng.random()
        if draw < _BROKEN:
            record[time_key] = record[time_key].replace("T", "T9", 1)
            self._report("malformed", [document])
        elif draw < _BROKEN + _SKEWED:
            record[time_key] = iso(occurred + rng.uniform(-120, 120))
        elif self._wrong_clocks and any(c.start <= at < c.end for c in self._wrong_clocks):
            record[time_key] = iso(occurred + HOUR)
            self._report("clock", [document])
        text = json_row(record)
        late = rng.random()
        if late < _LATER:
            self._held.append((self._count + rng.randrange(2, 30), text))
        else:
            self._write(at, text)
        if late > 1 - _TWICE:
            self._held.append((self._count + rng.randrange(1, 60), text))
            self._report("duplicate", [document])
        if self._held:
            self._release(at)

    def _release(self, at: float) -> None:
        due = [text for count, text in self._held if count <= self._count]
        if due:
            self._held = [held for held in self._held if held[0] > self._count]
            for text in due:
                self._write(at, text)

    def flush(self, at: float) -> None:
        """Deliver what is still held."""
        for _, text in self._held:
            self._write(at, text)
        self._held.clear()
