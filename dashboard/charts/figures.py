"""A short list of names and values, as a definition list or as plain tiles."""

from __future__ import annotations

from collections.abc import Mapping

from dashboard.charts.markup import Markup, join, tag


def draw_figures(rows: Mapping[str, str]) -> Markup:
    """Compose the rows as a definition list."""
    pairs = (join([tag("dt", name), tag("dd", value)]) for name, value in rows.items())
    return tag("dl", *pairs, cls="figures")


def draw_facts(rows: Mapping[str, str]) -> Markup:
    """Compose the rows as plain tiles."""
    tiles = (
        tag(
            "div", tag("span", name, cls="title"), tag("span", value, cls="value"), cls="tile plain"
        )
        for name, value in rows.items()
    )
    return tag("div", *tiles, cls="tiles")


def draw_note(text: str) -> Markup:
    """Compose one quiet sentence."""
    return tag("p", text, cls="soft")
