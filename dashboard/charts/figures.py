"""A short list of names and values."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape


def draw_figures(rows: Mapping[str, str]) -> str:
    """Compose the rows as a definition list."""
    inner = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows.items())
    return f'<dl class="figures">{inner}</dl>'
