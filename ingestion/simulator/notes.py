"""What people type: customers when they ask, inspectors when they look."""

from random import Random
from typing import Final

from ingestion.simulator.catalogue import Item

_REASON: Final[dict[str, tuple[str, ...]]] = {
    "CHOICE.UNWANTED": ("cust no longer needs it", "not wanted any more", "changed mind", "cust does not want it", "surplus to cust needs"),
    "CHOICE.ORDERED_IN_ERROR": ("cust ordered wrong {w}", "ordered by mistake", "order error on cust side", "cust picked wrong {w} when ordering", "mis-ordered"),
    "CHOICE.FIT_SIZE": ("does not fit", "too small", "too large for cust", "wrong size for cust", "size issue"),
    "CHOICE.STYLE_COLOUR": ("colour not liked", "cust wants other colour", "style not as expected by cust", "shade too dark for cust"),
    "CHOICE.BETTER_PRICE": ("found it cheaper", "better price elsewhere", "price match refused, cust returned"),
    "QUALITY.DOA": ("dead on arrival", "DOA", "never powered up", "did not work out of the box", "no function when first used"),
    "QUALITY.DEFECTIVE": ("stopped working", "defective in use", "fails under load", "intermittent fault", "faulty after some weeks"),
    "QUALITY.WORKMANSHIP": ("poor finish", "seam coming apart", "burrs on edge", "bad workmanship", "crooked assembly"),
    "QUALITY.PACKAGING": ("packaging too weak", "box burst, inner pack poor", "bad pack from vendor", "pkg torn, vendor pack"),
    "QUALITY.LABEL": ("label wrong", "barcode unreadable", "label missing", "wrong PN on label"),
    "QUALITY.EXPIRED": ("past date", "expired", "beyond best before", "out of date stock"),
    "QUALITY.SHORT_DATED": ("short dated", "too little shelf life left", "only few weeks left on date"),
    "QUALITY.RECALL": ("recall notice", "part of recall", "recalled lot", "vendor recall batch"),
    "FULFIL.WRONG_ITEM": ("we shipped wrong {w}", "wrng itm shipped", "not the {w} on order", "mis-pick, other PN in box", "cust got different {w}"),
    "FULFIL.WRONG_QTY_OVER": ("ovr shp", "shipped too many", "cust got more than ordered", "extra units sent"),
    "FULFIL.WRONG_QTY_SHORT": ("short shipped", "fewer than on packing list", "qty short vs order"),
    "FULFIL.MISSING_PARTS": ("parts missing", "kit incomplete", "accessory not in box", "missing bracket and screws"),
    "FULFIL.NOT_AS_DESCRIBED": ("not as described", "differs from web page", "spec does not match listing"),
    "FULFIL.INCOMPATIBLE": ("not compatible", "does not match cust system", "wrong connector for cust unit"),
    "FULFIL.DUPLICATE": ("sent twice", "duplicate shipment", "dup order shipped"),
    "FULFIL.PAST_CANCEL": ("was cancelled before ship", "shipped after cancel"),
    "FULFIL.LATE": ("came too late", "late delivery, no use now", "missed need-by date"),
    "TRANSIT.DAMAGED": ("dmgd in transit", "crushed by carrier", "carrier damage", "forklift hole in carton", "wet skid, carrier"),
    "TRANSIT.REFUSED": ("refused at door", "cust refused delivery", "receiver would not accept"),
    "TRANSIT.UNDELIVERABLE": ("undeliverable address", "RTS by carrier", "addressee unknown"),
    "TRANSIT.NOT_RECEIVED": ("cust says never arrived", "lost then found by carrier", "POD but not received"),
    "COMMERCIAL.STOCK_ROTATION": ("stock rotation", "rotation per contract", "slow mover back, rotation"),
    "COMMERCIAL.END_SEASON": ("end of season", "season stock back"),
    "COMMERCIAL.STOCK_REDUCTION": ("stock reduction", "dealer cuts stock", "overstock at dealer"),
    "COMMERCIAL.CORE": ("core return", "old core for deposit"),
    "COMMERCIAL.LOAN": ("loaner back", "demo unit returned"),
    "COMMERCIAL.RENTAL": ("rental return", "end of hire"),
    "OTHER": ("see paperwork", "as agreed with sales", "misc return"),
    "UNKNOWN": ("no reason given", "reason n/a", "no papers in box"),
}  # fmt: skip
_CONDITION: Final[dict[str, tuple[str, ...]]] = {
    "NEW_SEALED": ("seal intact", "unopened", "factory sealed", "not dmgd, just unopened", "ok 2 restk"),
    "NEW_OPENED": ("opened, looks new", "box opened, unit unused", "seal broken, item clean", "NFF, tested ok"),
    "USED_GOOD": ("used, good shape", "light use, works", "signs of use, NFF"),
    "USED_WORN": ("well worn", "heavy wear", "worn, not resalable as new"),
    "PKG_DAMAGED": ("pkg torn, unit ok", "carton crushed, item fine", "box wet, content dry"),
    "COSMETIC_DAMAGE": ("scratched", "dent on side", "scuffed housing"),
    "FUNCTIONAL_DEFECT": ("does not power on", "fails test", "no output on bench", "error on self test"),
    "BROKEN": ("broken", "cracked through", "smashed, no use", "snapped"),
    "INCOMPLETE": ("w/o accessories", "parts missing from box", "incomplete set"),
    "EXPIRED": ("date passed", "exp date gone", "bb date over"),
    "TEMP_EXCURSION": ("logger shows temp excursion", "arrived warm", "cold chain broken"),
    "CONTAMINATED": ("leaking", "contaminated, bagged", "mould on carton"),
    "WRONG_ITEM": ("other item in box", "box content not PN on RMA", "wrong article returned"),
    "SERIAL_MISMATCH": ("S/N mism", "serial not on order", "serial differs from label"),
    "COUNTERFEIT": ("looks fake", "print and weight off, not genuine"),
    "EMPTY_OR_SUBSTITUTE": ("box empty", "brick in box", "no goods inside"),
    "UNKNOWN": ("cannot judge", "needs lab check", "qrtn till checked"),
}  # fmt: skip
_TAILS: Final = (
    "",
    "",
    "",
    "",
    "qty ok",
    "TBD fin",
    "on cart {n}",
    "bin {n}",
    "per lead",
    "GRN {n}",
    "photo taken",
)
_CUSTOMER: Final = ("", "", "please credit", "need this sorted", "order was fine before", "thanks")
_THING: Final = {"apparel": "garment", "footwear": "pair", "food": "product", "health": "product"}
_SHORT: Final = {"customer": "cust", "damaged": "dmgd", "wrong": "wrng", "item": "itm", "package": "pkg", "received": "rcvd", "quantity": "qty", "vendor": "vndr", "missing": "missg", "carton": "ctn"}  # fmt: skip


def inspection_note(rng: Random, *, reason: str, condition: str, item: Item, grade: str) -> str:
    """The inspector's remark: reason and condition in words, often one of them only."""
    draw = rng.random()
    if draw < 0.18:
        return ""
    if draw < 0.24:
        return rng.choice(("see mail", "see photo", "initials on sheet", "J.", "ditto", "as above"))
    why = _phrase(rng, _REASON[reason], item)
    what = _phrase(rng, _CONDITION[condition], item)
    form = rng.random()
    if form < 0.58:
        text = f"{why}, {what}"
    elif form < 0.74:
        text = why
    elif form < 0.86:
        text = what
    else:
        text = f"{what}. {why}"
    tail = rng.choice(_TAILS).replace("{n}", str(rng.randrange(10, 9999)))
    return noisy(rng, f"{text} {tail}".strip())[:240]


def customer_note(rng: Random, reason: str, item: Item) -> str:
    """The customer's remark on the request, empty in two thirds."""
    if rng.random() < 0.66:
        return ""
    text = f"{_phrase(rng, _REASON[reason], item)} {rng.choice(_CUSTOMER)}".strip()
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
