"""The intake's counters: what was received must equal accepted + duplicate + quarantined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard import formats
from dashboard.charts.figures import draw_note
from dashboard.charts.markup import Markup, join, tag

PARTS = ("accepted", "duplicate", "quarantined")


@dataclass(frozen=True, slots=True)
class Counters:
    """Records of one site, or of all."""

    site: str
    received: int
    accepted: int
    duplicate: int
    quarantined: int
    last_day: str = ""

    @property
    def balances(self) -> bool:
        return self.received == self.accepted + self.duplicate + self.quarantined

    @property
    def completeness(self) -> float:
        """Share of the distinct records that could be read: 1 where nothing was refused."""
        distinct = self.received - self.duplicate
        return self.accepted / distinct if distinct else 1.0


def total(rows: Sequence[Counters]) -> Counters:
    """Add up the sites."""
    return Counters("", *(sum(getattr(row, name) for row in rows) for name in ("received", *PARTS)))


def draw_balance(rows: Sequence[Counters]) -> Markup:
    """Compose the verdict, the bar and the completeness of each site."""
    if not rows:
        return draw_note("No deliveries have been counted yet.")
    whole = total(rows)
    balanced = all(row.balances for row in rows)
    verdict = "The counters balance" if balanced else "The counters do not balance"
    return join(
        [
            tag("p", verdict, cls=f"verdict {'good' if balanced else 'bad'}"),
            draw_note(f"{formats.number(whole.received)} records received"),
            tag("div", *(_part(whole, name) for name in PARTS), cls="stack"),
            tag("ul", *(_key(whole, name) for name in PARTS), cls="keys"),
            _sites(rows),
        ]
    )


def _part(whole: Counters, name: str) -> Markup:
    percent = 100 * getattr(whole, name) / max(whole.received, 1)
    return tag("i", cls=name, style=f"width:{percent:.3f}%")


def _key(whole: Counters, name: str) -> Markup:
    count = formats.number(getattr(whole, name))
    return tag("li", tag("i"), tag("span", name), tag("b", count), cls=name)


def _sites(rows: Sequence[Counters]) -> Markup:
    head = tag("tr", *(tag("th", name) for name in ("Site", "Received", "Readable", "Last day")))
    body = (
        tag(
            "tr",
            tag("td", row.site or "without a site"),
            tag("td", formats.number(row.received), cls="figure"),
            tag("td", formats.share(row.completeness), cls=_tone(row)),
            tag("td", row.last_day, cls="soft"),
        )
        for row in rows
    )
    return tag("table", tag("thead", head), tag("tbody", *body), cls="complete")


def _tone(row: Counters) -> str:
    return "figure" if row.completeness >= 0.99 else "figure low"
