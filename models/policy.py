"""Rules that veto: whatever the models say, these lines go to a person.

Rules are data with names; a model can add a reason to review, never remove one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from models.answers import Advice
from models.features import Columns, attributes, columns_of, flags, numbers, text
from models.items import Items

FIELDS: Final = (
    "sku",
    "family",
    "condition",
    "reason_declared",
    "reason_inspected",
    "serial_match",
    "quantity",
    "unit_price",
    "regulated",
    "hazmat",
)
APPROVAL_LIMIT: Final = 5_000.0
"""Line value (USD) above which finance approves in person."""

_HELD_CONDITIONS: Final = {
    "EXPIRED": "goods are expired",
    "TEMP_EXCURSION": "cold chain was broken",
    "CONTAMINATED": "goods are contaminated",
    "SERIAL_MISMATCH": "serial number is not the one that was shipped",
    "COUNTERFEIT": "goods are suspected to be counterfeit",
    "EMPTY_OR_SUBSTITUTE": "box was empty or held something else",
}


@dataclass(frozen=True, slots=True)
class Fired:
    """A rule that sends the line to review."""

    rule: str
    text: str


@dataclass(frozen=True, slots=True)
class Route:
    """``auto`` when nothing speaks against acting on the advice, else ``review``."""

    route: str
    rules: tuple[Fired, ...]

    def to_dict(self) -> dict[str, Any]:
        """Render as the ``policy`` block of the HTTP answer."""
        return {
            "route": self.route,
            "rules": [{"rule": fired.rule, "text": fired.text} for fired in self.rules],
        }


Line = Mapping[str, Any]
Rule = tuple[str, Callable[[Line], str | None]]


def _when(rule: str, words: str, test: Callable[[Line], bool]) -> Rule:
    return rule, lambda line: words if test(line) else None


RULES: Final[tuple[Rule, ...]] = (
    _when("regulated_item", "item is regulated", lambda line: line["regulated"] == 1.0),
    _when("hazmat_item", "item is hazardous", lambda line: line["hazmat"] == 1.0),
    _when("serial_mismatch", "serial check failed", lambda line: line["serial_match"] == 0.0),
    ("held_condition", lambda line: _HELD_CONDITIONS.get(line["condition"])),
    _when(
        "recall",
        "item is recalled",
        lambda line: "QUALITY.RECALL" in (line["reason_declared"], line["reason_inspected"]),
    ),
    _when(
        "approval_limit",
        f"line value exceeds {APPROVAL_LIMIT:,.0f}",
        lambda line: bool(line["value"] > APPROVAL_LIMIT),
    ),
    _when("unknown_item", "item is not in the item master", lambda line: not line["known"]),
    _when("not_inspected", "no inspection result yet", lambda line: not line["condition"]),
)


def route(lines: Sequence[Line], items: Items, advice: Sequence[Sequence[Advice]]) -> list[Route]:
    """Route every line.

    Parameters
    ----------
    advice : sequence, one per line
        What the models advise; each abstention is a rule that fires.
    """
    facts = _facts(columns_of(lines, FIELDS), items)
    return [_route(line, given) for line, given in zip(facts, advice, strict=True)]


def _route(line: Line, advice: Sequence[Advice]) -> Route:
    told = [(rule, test(line)) for rule, test in RULES]
    fired = [Fired(rule, words) for rule, words in told if words]
    fired += [
        Fired(f"{given.question}_abstained", f"{given.question}: {given.abstained_because}")
        for given in advice
        if given.abstained
    ]
    return Route("review" if fired else "auto", tuple(fired))


def _facts(columns: Columns, items: Items) -> list[Line]:
    joined = attributes(columns, items)
    said = {name: flags(columns[name]) for name in ("regulated", "hazmat", "serial_match")}
    for name in ("regulated", "hazmat"):
        said[name] = np.fmax(said[name], np.asarray(joined[name], dtype=float) >= 1.0)
    value = numbers(columns["quantity"]) * numbers(columns["unit_price"])
    return [
        {
            **{name: float(values[row]) for name, values in said.items()},
            **{
                name: text(columns[name][row])
                for name in ("condition", "reason_declared", "reason_inspected")
            },
            "value": float(value[row]),
            "known": items.knows(sku),
        }
        for row, sku in enumerate(columns["sku"])
    ]
