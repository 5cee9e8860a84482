"""Composing HTML and SVG: everything that is not markup already is escaped on the way in."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape


class Markup(str):
    """Text that is safe to show as it stands, because :func:`tag` made it."""

    __slots__ = ()


def tag(name: str, *children: str, **attributes: str | float | bool | None) -> Markup:
    """Compose one element; plain text in it is escaped.

    ``cls`` writes ``class``, underscores become hyphens, numbers get one decimal,
    None, False and an empty class are left out.

    >>> tag("b", "a < b", cls="x", data_id='"1"')
    '<b class="x" data-id="&quot;1&quot;">a &lt; b</b>'
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    return Markup(f"<{name}{written}>{join(children)}</{name}>")


def join(parts: Iterable[str]) -> Markup:
    """Concatenate, escaping what is not markup."""
    return Markup(
        "".join(part if isinstance(part, Markup) else escape(part, quote=False) for part in parts)
    )


def tip(title: str, rows: Iterable[tuple[str, str]] = ()) -> str:
    """Text of a tooltip as the components read it: a title, then name and value per line."""
    return "\n".join([title, *(f"{name}\t{value}" for name, value in rows)])


def _attribute(key: str, value: str | float | bool | None) -> str:
    if value is None or value is False or (key == "cls" and not value):
        return ""
    name = "class" if key == "cls" else key.rstrip("_").replace("_", "-")
    if isinstance(value, float):
        text = f"{value:.1f}".removesuffix(".0")
    else:
        text = str(value).lower() if value is True else str(value)
    return f' {name}="{escape(text, quote=True)}"'
