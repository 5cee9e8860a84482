"""What people type: customers when they ask, inspectors when they look."""

from random import Random
from typing import Final

from ingestion.simulator.catalogue import Item
from ingestion.simulator.phrases import CONDITIONS, REASONS
from ingestion.simulator.reasons import Weighted

_LANGUAGE: Final = Weighted({"en": 74.0, "es": 12.0, "fr": 7.0, "de": 5.0, "mixed": 2.0})
_TAILS: Final = tuple(
    [
        "",
        "",
        "",
        "",
        "",
        "",
        "qty ok",
        "TBD fin",
        "on cart {n}",
        "bin loc {n}",
        "per lead",
        "GRN {n}",
        "photo taken",
        "PN ok",
        "skid {n}",
        "B-stock?",
        "POD on file",
    ]
)
_EMPTY: Final = ("see mail", "see photo", "initials on sheet", "J.", "ok", "s. mail", "MK")
_DITTO: Final = ("ditto", "same as above", '"', "dto", "as prev line")
_PERSONAL: Final = (
    "call cust at 555-01{n:02d}",
    "cust mail buyer{n}@example.com",
    "ask for Mr. Smith, 555-01{n:02d}",
)
_CUSTOMER: Final = ("", "", "please credit", "need this sorted", "order was fine before", "thanks")
_THING: Final = {"apparel": "garment", "footwear": "pair", "food": "product", "health": "product"}
_SHORT: Final = {
    "customer": "cust",
    "damaged": "dmgd",
    "wrong": "wrng",
    "item": "itm",
    "received": "rcvd",
    "quantity": "qty",
    "vendor": "vndr",
    "missing": "missg",
    "carton": "ctn",
    "quarantine": "qrtn",
    "restock": "restk",
    "with": "w/",
    "without": "w/o",
}
_SECOND: Final = ("also", "plus", "and cust says", "or maybe")
_MAYBE: Final = ("CHOICE.UNWANTED", "QUALITY.DEFECTIVE", "TRANSIT.DAMAGED", "FULFIL.WRONG_ITEM")


class Inspectors:
    """What each inspector wrote last, for ditto marks and copies of the previous line."""

    def __init__(self) -> None:
        self._last: dict[str, str] = {}

    def note(self, rng: Random, *, who: str, reason: str, condition: str, item: Item) -> str:
        """An inspector's remark about a line; empty in 18 % of cases."""
        draw = rng.random()
        if draw < 0.18:
            return ""
        if draw < 0.225:
            return rng.choice(_EMPTY)
        if draw < 0.24 and who in self._last:
            return rng.choice(_DITTO)
        if draw < 0.26 and who in self._last:
            return self._last[who]
        text = _remark(rng, reason=reason, condition=condition, item=item)[:240]
        self._last[who] = text
        return text


def _remark(rng: Random, *, reason: str, condition: str, item: Item) -> str:
    language = _LANGUAGE.at(rng.random())
    first, second = (rng.choice(("en", "es")), "en") if language == "mixed" else (language,) * 2
    why = _phrase(rng, REASONS[first][reason], item)
    what = _phrase(rng, CONDITIONS[second][condition], item)
    form = rng.random()
    if form < 0.62:
        text = f"{why}, {what}"
    elif form < 0.76:
        text = why
    elif form < 0.83:
        text = what
    else:
        text = f"{what}. {why}"
    if rng.random() < 0.04:
        other = _phrase(rng, REASONS[second][_MAYBE[int(rng.random() * len(_MAYBE))]], item)
        text = f"{text} {rng.choice(_SECOND)} {other}"
    tail = rng.choice(_TAILS).replace("{n}", str(rng.randrange(10, 9999)))
    if rng.random() < 0.02:
        tail = rng.choice(_PERSONAL).format(n=rng.randrange(10, 99))
    return noisy(rng, f"{text} {tail}".strip())


def customer_note(rng: Random, reason: str, item: Item) -> str:
    """The customer's remark on the request, empty in two thirds."""
    if rng.random() < 0.66:
        return ""
    text = f"{_phrase(rng, REASONS['en'][reason], item)} {rng.choice(_CUSTOMER)}".strip()
    return noisy(rng, text.replace("cust ", "we "))[:240]


def _phrase(rng: Random, phrases: tuple[str, ...], item: Item) -> str:
    text = phrases[int(rng.random() * len(phrases))]
    return text.replace("{w}", _THING.get(item.family.name, "item")) if "{" in text else text


def noisy(rng: Random, text: str) -> str:
    """Typing errors (3 % of words), dropped vowels, capitals, missing punctuation."""
    words = text.split(" ")
    for i, word in enumerate(words):
        if word in _SHORT and rng.random() < 0.4:
            words[i] = _SHORT[word]
        elif len(word) > 3 and rng.random() < 0.035:
            words[i] = _typo(rng, word)
    text = " ".join(words)
    draw = rng.random()
    if draw < 0.09:
        return text.upper()
    if draw < 0.22:
        return text.replace(",", "").replace(".", "")
    return text


def _typo(rng: Random, word: str) -> str:
    i = 1 + int(rng.random() * (len(word) - 2))
    kind = rng.random()
    if kind < 0.35:
        return word[:i] + word[i + 1] + word[i] + word[i + 2 :]
    if kind < 0.7:
        return word[:i] + word[i + 1 :]
    return word[0] + "".join(letter for letter in word[1:] if letter not in "aeiou")
