"""Postings whose movement was refused at the door: the quarantine explains them.

A refused record that bears the number a posting names, or states its line and SKU, and agrees with
its quantity and status is its movement, though not one that can be counted: the posting waits for
its repair, it is not unsupported. So does a posting summed over lines, with the movements of its
day, where one refused record of its SKU and status is what they lack.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mining.engine import DuckDBEngine
from mining.reconciliation.findings import Break, Reconciliation
from mining.reconciliation.records import exists
from mining.reconciliation.sentences import number

Refused = dict[str, list[tuple[str, frozenset[str]]]]
QUARANTINE: Final = "quarantine"
"""Key of postings that rest on a refused record."""
NAMELESS: Final[Mapping[str, tuple[str, ...]]] = {}
_GOODS: Final = ["site", "sku", "kind", "status"]
_SKEW, _REACH = pd.Timedelta(hours=-1), pd.Timedelta(days=8)


def refused_records(engine: DuckDBEngine) -> Refused:
    """Texts of each quarantined record, filed under every one of them."""
    if not exists(engine, "quarantine"):
        return {}
    rows = engine.select("select quarantine_id, raw from quarantine order by quarantine_id")
    return file_by_text(rows.to_pylist())


def file_by_text(rows: Iterable[Mapping[str, Any]]) -> Refused:
    """Index records (quarantine_id, raw JSON) by the texts they hold; other formats are skipped."""
    filed: Refused = defaultdict(list)
    for row in rows:
        try:
            said = json.loads(row["raw"] or b"null")
        except (ValueError, UnicodeDecodeError):
            continue
        texts = frozenset(_texts(said))
        for text in texts:
            filed[text].append((row["quarantine_id"], texts))
    return dict(filed)


def _texts(said: Any) -> Iterable[str]:
    if isinstance(said, dict):
        said = list(said.values())
    if isinstance(said, list):
        for one in said:
            yield from _texts(one)
    elif isinstance(said, float):
        yield number(said)
    elif said is not None:
        yield str(said)


def named_movements(found: Reconciliation, postings: pa.Table) -> dict[str, tuple[str, ...]]:
    """Numbers an unsupported posting names its movement by: the warehouse's document, a message."""
    members = [member for one in found.of_type("B11") for member in one.members]
    rows = postings.filter(pc.is_in(postings["movement_id"], pa.array(members, pa.string())))
    names = rows.select(["movement_id", "document", "reference"]).to_pylist()
    return {
        row["movement_id"]: tuple(filter(None, (row["document"], row["reference"])))
        for row in names
    }


def await_refused(
    found: Reconciliation, refused: Refused, named: Mapping[str, tuple[str, ...]] = NAMELESS
) -> Reconciliation:
    """Take postings that agree with a refused record out of the breaks (B11) and into review.

    Each refused record supports one posting at most. A posting of its line and SKU that does not
    agree with it stays a break that points to it.

    Parameters
    ----------
    named : mapping of posting to the numbers it names its movement by, optional
    """
    if not refused:
        return found
    rows = found.movements
    unsupported = rows[(rows["type"] == "B11").to_numpy()]
    status = dict(zip(unsupported["movement_id"], unsupported["status"], strict=True))
    waiting: dict[str, str] = {}
    kept, used = [], set[str]()
    for one in found.breaks:
        near = _near(one, refused, named) if one.type == "B11" else []
        near = [(name, texts) for name, texts in near if name not in used]
        agreeing = [name for name, texts in near if _agrees(one, texts, status)]
        if agreeing:
            used.add(agreeing[0])
            waiting[one.members[0]] = agreeing[0]
        else:
            kept.append(_pointed(one, near[0][0]) if near else one)
    sums = [*_sums_that_lack_one(rows, kept, refused, used)]
    waiting |= {one.posting: one.refused for one in sums}
    settled = {one.posting for one in sums} | {name for one in sums for name in one.movements}
    return replace(
        found,
        breaks=tuple(one for one in kept if not settled.issuperset(one.members)),
        movements=_marked(rows, {*waiting, *settled}),
        reviews=_with_reviews(found.reviews, waiting),
        matched=found.matched + sum(len(one.movements) for one in sums),
    )


class Sum(NamedTuple):
    """A posting over lines, the movements of a day it holds, and the refused record they lack."""

    posting: str
    movements: tuple[str, ...]
    refused: str


def _sums_that_lack_one(
    rows: pd.DataFrame, breaks: Iterable[Break], refused: Refused, used: set[str]
) -> Iterator[Sum]:
    open_ones = {one.members[0] for one in breaks if one.type in ("B01", "B03", "B11")}
    alone = rows[rows["movement_id"].isin(open_ones)]
    left = alone[(alone["side"] == "left").to_numpy()]
    sums = alone[((alone["side"] == "right") & alone["line"].isna()).to_numpy()]
    by_goods = dict(iter(left.groupby(_GOODS, observed=True))) if len(sums) else {}
    taken: set[str] = set()
    for post in sums.itertuples():
        goods = by_goods.get(tuple(getattr(post, name) for name in _GOODS))
        for movements, lacking in _days_of(goods, post):
            records = refused.get(str(post.sku), ())
            wanted = {post.site, post.status, number(lacking)}
            fitting = [name for name, texts in records if wanted <= texts and name not in used]
            if fitting and taken.isdisjoint(movements):
                used.add(fitting[0])
                taken.update(movements)
                yield Sum(str(post.movement_id), movements, fitting[0])
                break


def _days_of(goods: pd.DataFrame | None, post: Any) -> Iterator[tuple[tuple[str, ...], float]]:
    """Movements of each day before a posting, the latest first, and what it has more than they."""
    if goods is None:
        return
    ages = post.occurred_at - goods["occurred_at"]
    near = goods[((ages >= _SKEW) & (ages <= _REACH)).to_numpy()]
    for _, day in sorted(near.groupby(near["occurred_at"].dt.floor("D")), reverse=True):
        lacking = float(post.quantity - day["quantity"].sum())
        if lacking > 0:
            yield tuple(day["movement_id"]), lacking


def _near(
    one: Break, refused: Refused, named: Mapping[str, tuple[str, ...]]
) -> list[tuple[str, frozenset[str]]]:
    """Refused records a break's posting names, then those of its line and SKU."""
    numbers = [number for member in one.members for number in named.get(member, ())]
    asked = [record for number in numbers for record in refused.get(number, ())]
    rma, _, line_number = (one.line or "").rpartition(":")
    filed = refused.get(rma, []) if rma else []
    asked += [record for record in filed if {line_number, one.sku} <= record[1]]
    return list(dict.fromkeys(asked))


def _agrees(one: Break, texts: frozenset[str], status: Mapping[str, Any]) -> bool:
    stated = status.get(one.members[0])
    return (
        len(one.members) == 1
        and number(one.delta_quantity) in texts
        and (not isinstance(stated, str) or stated in texts)
    )


def _pointed(one: Break, quarantine_id: str) -> Break:
    return replace(
        one,
        confidence="suggested",
        explanation=f"{one.explanation} A refused record of {one.line} lies in quarantine as "
        f"{quarantine_id}, but states other things.",
        suggested_fix=f"Repair and replay {quarantine_id}, then reconcile again.",
    )


def _marked(rows: pd.DataFrame, waiting: Collection[str]) -> pd.DataFrame:
    mine = rows["type"].isin(["B01", "B03", "B11"]) & rows["movement_id"].isin(list(waiting))
    rows = rows.copy(deep=False)
    for column, value in (("type", ""), ("key", QUARANTINE)):
        kinds = rows[column].cat.categories
        wider = rows[column] if value in kinds else rows[column].cat.add_categories([value])
        rows[column] = wider.mask(mine, value)
    return rows


def _with_reviews(reviews: pd.DataFrame, waiting: Mapping[str, str]) -> pd.DataFrame:
    if not waiting:
        return reviews
    more = pd.DataFrame(
        {
            "side": "right",
            "movement_id": list(waiting),
            "candidates": [((f"quarantine {name}",),) for name in waiting.values()],
        }
    )
    return pd.concat([reviews, more], ignore_index=True) if len(reviews) else more
