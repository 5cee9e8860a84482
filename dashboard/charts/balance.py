"""The intake's counters: what was received must equal accepted + duplicate + quarantined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from dashboard import formats

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
        """Share of the distinct records received that could be read: 1 where nothing was refused."""
        distinct = self.received - self.duplicate
        return self.accepted / distinct if distinct else 1.0


def total(rows: Sequence[Counters]) -> Counters:
    """Add up the sites."""
    return Counters("", *(sum(getattr(row, name) for row in rows) for name in ("received", *PARTS)))


def draw_balance(rows: Sequence[Counters]) -> str:
    """Compose the verdict, the bar and the completeness of each site."""
    if not rows:
        return '<p class="soft">No deliveries have been counted yet.</p>'
    whole = total(rows)
    balanced = all(row.balances for row in rows)
    verdict = "The counters balance" if balanced else "The counters do not balance"
    figures = "".join(
        f'<li class="{name}"><i></i><span>{name}</span><b>{formats.number(getattr(whole, name))}</b></li>' for name in PARTS
    )
    bars = "".join(
        f'<i class="{name}" style="width:{100 * getattr(whole, name) / max(whole.received, 1):.3f}%"></i>' for name in PARTS
    )
    return (
        f'<p class="verdict {"good" if balanced else "bad"}">{verdict}</p>'
        f'<p class="soft">{formats.number(whole.received)} records received</p>'
        f'<div class="stack">{bars}</div><ul class="keys">{figures}</ul>'
        f'<table class="complete"><thead><tr><th>Site</th><th>Received</th><th>Readable</th><th>Last day</th></tr></thead>'
        f"<tbody>{''.join(_site(row) for row in rows)}</tbody></table>"
    )


def _site(row: Counters) -> str:
    share = row.completeness
    tone = "" if share >= 0.99 else " low"
    return (
        f'<tr><td>{escape(row.site) or "without a site"}</td><td class="figure">{formats.number(row.received)}</td>'
        f'<td class="figure{tone}">{formats.share(share)}</td><td class="soft">{escape(row.last_day)}</td></tr>'
    )
