"""Postings whose movement was refused at the door: the quarantine explains them."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mining.engine import DuckDBEngine
from mining.reconciliation.findings import Break
from mining.reconciliation.records import exists

Refused = dict[str, list[tuple[str, frozenset[str]]]]


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
    elif said is not None:
        yield str(said)


def explain_refused(breaks: Sequence[Break], refused: Refused) -> list[Break]:
    """Unsupported postings say so when a record of their line and SKU lies in quarantine."""
    return [_explained(one, refused) if one.type == "B11" else one for one in breaks]


def _explained(one: Break, refused: Refused) -> Break:
    rma, _, number = (one.line or "").rpartition(":")
    for quarantine_id, texts in refused.get(rma, ()) if rma else ():
        if number in texts and one.sku in texts:
            return replace(
                one,
                confidence="suggested",
                explanation=f"{one.explanation} A refused record of {one.line} lies in quarantine "
                f"as {quarantine_id}.",
                suggested_fix=f"Repair and replay {quarantine_id}, then reconcile again.",
            )
    return one
