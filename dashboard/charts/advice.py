"""One recommendation as a person reads it: the advice, its options, the reasons, the veto."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dashboard import formats
from dashboard.charts.figures import draw_note
from dashboard.charts.markup import Markup, join, tag

Answer = Mapping[str, Any]
SPECIAL = {"RESTOCK_B": "restock as B goods", "RTV_CREDIT": "return to vendor for credit"}
TITLES = {"reason": "Why it comes back", "disposition": "Where it should go"}


def draw_advice(answer: Answer) -> Markup:
    """Compose the answer of the scorer, as the API would give it."""
    blocks = [_block(name, answer[name]) for name in TITLES if answer.get(name)]
    if answer.get("remaining_time"):
        blocks.append(_time_block(answer["remaining_time"]))
    missing = [name.replace("_", " ") for name in answer["not_available"]]
    closing = draw_note(f"No model answers yet: {', '.join(missing)}.") if missing else Markup()
    return join([_route(answer["policy"]), tag("div", *blocks, cls="advice"), closing])


def _route(policy: Answer) -> Markup:
    if policy["route"] == "auto":
        return tag("p", "May run without a person: no rule objects.", cls="verdict good")
    rules = [tag("li", str(rule["text"])) for rule in policy["rules"]]
    head = tag("p", "A person decides:", cls="verdict review")
    return join([head, tag("ul", *rules, cls="rules")])


def _block(name: str, advice: Answer) -> Markup:
    chosen = advice["recommended"]
    head = words(str(chosen)) if chosen else "No advice"
    note = (
        f"{formats.share(advice['confidence'])} sure"
        if chosen
        else f"Abstained: {advice['abstained_because']}."
    )
    return tag(
        "section",
        tag("h4", TITLES[name]),
        tag("p", head, cls="answer" if chosen else "answer none"),
        draw_note(note),
        tag("ol", *(_option(name, option, advice) for option in advice["options"]), cls="options"),
        _reasons(advice["reasons"]),
        draw_note(
            f"Model {advice['model']} {advice['version']}, data {advice['data_version']}. "
            f"The marked answers hold the truth in {formats.share(advice['coverage'])} of cases."
        ),
    )


def _time_block(advice: Answer) -> Markup:
    silent = advice["abstained"]
    if silent:
        note = f"Abstained: {advice['abstained_because']}."
    else:
        high = "no upper limit" if advice["high"] is None else _days(advice["high"])
        note = (
            f"{_days(advice['low'])} to {high} in {formats.share(advice['coverage'])} of "
            f"cases; lines at the same step usually take {_days(advice['baseline'])}."
        )
    return tag(
        "section",
        tag("h4", "How long it still takes"),
        tag(
            "p",
            "No advice" if silent else _days(advice["p50"]),
            cls="answer none" if silent else "answer",
        ),
        draw_note(note),
        _reasons(advice["reasons"]),
        draw_note(f"Model {advice['model']} {advice['version']}, data {advice['data_version']}."),
    )


def _days(days: float) -> str:
    return formats.duration(days * 86_400)


def _option(name: str, option: Answer, advice: Answer) -> Markup:
    value = option.get("expected_value")
    money = formats.money(value, advice.get("currency") or "") if value is not None else ""
    inside = option[name] in advice["prediction_set"]
    return tag(
        "li",
        tag("span", words(str(option[name])), cls="label"),
        tag("span", money, cls="soft money"),
        tag("span", formats.share(option["probability"]), cls="figure"),
        tag("span", tag("i", style=f"width:{100 * option['probability']:.1f}%"), cls="track"),
        cls="inside" if inside else None,
    )


def _reasons(reasons: Sequence[Answer]) -> Markup:
    if not reasons:
        return Markup()
    rows = (tag("li", str(because["text"])) for because in reasons)
    return join([tag("h5", "Because"), tag("ul", *rows, cls="rules")])


def words(code: str) -> str:
    """Write a code as words.

    >>> words("TRANSIT.CARRIER_DAMAGE"), words("RESTOCK")
    ('Transit: carrier damage', 'Restock')
    """
    text = SPECIAL.get(code) or code.replace("_", " ").lower()
    family, _, rest = text.partition(".")
    return f"{family.capitalize()}: {rest}" if rest else text.capitalize()
