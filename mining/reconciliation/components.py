"""Which records can touch each other: components of records that share a key.

A record always takes part in the keys of its own ids (reference, line, serial, document). In keys
that many records share (site, SKU, day) it takes part only in passes it is still free for: what an
earlier pass has linked is out of reach of a later one.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from mining.reconciliation.movements import Ints
from mining.reconciliation.outcome import ALONE
from mining.reconciliation.policy import Pass, Policy

Hashes = npt.NDArray[np.uint64]
Owners = tuple[Hashes, Ints]
Tables = tuple[pa.Table, pa.Table]
_ALWAYS: Final = ("reference", "line", "serial")
_IDS: Final = ("movement_id", "document", "reversal_of")
_FREE: Final = 1 << 30


def _soft(policy: Policy) -> list[tuple[int, Pass]]:
    """Passes by keys that are none of a row's own ids."""
    named = {*_ALWAYS, "document"}
    return [(no, rule) for no, rule in enumerate(policy.passes) if not named & set(rule.on)]


def key_lists(rows: Tables, policy: Policy) -> list[Hashes]:
    """Every key under which any of the rows might be matched."""
    return [keys for table in rows for keys, _ in _keys_of(table, None, policy)]


def _keys_of(table: pa.Table, passes: Ints | None, policy: Policy) -> list[Owners]:
    """Hash and row of every key of a table; ``passes`` None: as if every row were free."""
    hashed = {name: _hashed(table[name]) for name in _text_columns(policy)}
    units = np.round(table["quantity"].to_numpy() * 1e6).astype(np.int64)
    hashed["quantity"] = (units.astype(np.uint64), np.ones(len(table), bool))
    found = []
    for column, salt in [*((name, name) for name in _ALWAYS), *((name, "id") for name in _IDS)]:
        keys, there = hashed[column]
        rows = np.flatnonzero(there)
        found.append((mixed(_salt(salt), keys[rows]), rows))
    for number, rule in _soft(policy):
        free = np.ones(len(table), bool)
        if passes is not None and rule.how != "pairs":
            free &= passes >= number
        key = np.full(len(table), _salt(f"pass {number}"))
        for column in rule.on:
            keys, there = hashed[column]
            key = mixed(key, keys)
            free &= there
        rows = np.flatnonzero(free)
        found.append((key[rows], rows))
    return found


def _text_columns(policy: Policy) -> set[str]:
    soft = {column for _, rule in _soft(policy) for column in rule.on if column != "quantity"}
    return soft | {*_ALWAYS, *_IDS}


def _hashed(column: pa.ChunkedArray) -> tuple[Hashes, npt.NDArray[np.bool_]]:
    """A stable hash of each text, and where there is one."""
    there: npt.NDArray[np.bool_] = column.is_valid().to_numpy()
    if not there.any():
        return np.zeros(len(column), np.uint64), there
    encoded = column.combine_chunks().dictionary_encode()
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    words = encoded.dictionary.to_numpy(zero_copy_only=False).astype(object)
    codes = encoded.indices.fill_null(0).to_numpy(zero_copy_only=False)
    hashes: Hashes = pd.util.hash_array(words, categorize=False)[codes]
    return hashes, there


def _salt(name: str) -> Any:
    return pd.util.hash_array(np.array([name], object))[0]


def mixed(one: Any, other: Any) -> Hashes:
    """Combine hashes (multiply by an odd constant, rotate, add; wraps around)."""
    with np.errstate(over="ignore"):
        turned = one * np.uint64(0x9E3779B97F4A7C15)
        found: Hashes = ((turned << np.uint64(31)) | (turned >> np.uint64(33))) ^ other
        return found * np.uint64(0xBF58476D1CE4E5B9)


def components(
    rows: Tables, passes: tuple[Ints, Ints], policy: Policy
) -> tuple[tuple[Ints, Ints], Hashes, Ints]:
    """Component of each row of both sides; every key, and the component that holds it."""
    from scipy.sparse import coo_array  # slow to import, and needed here alone
    from scipy.sparse.csgraph import connected_components

    cut, total = len(rows[0]), len(rows[0]) + len(rows[1])
    keys, nodes = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
    for table, made_by, offset in ((rows[0], passes[0], 0), (rows[1], passes[1], cut)):
        for hashes, which in _keys_of(table, _or_free(made_by), policy):
            keys.append(hashes)
            nodes.append(which + offset)
    known, number = np.unique(np.concatenate(keys), return_inverse=True)
    row = np.concatenate(nodes)
    size = total + len(known)
    graph = coo_array((np.ones(len(row), bool), (row, number + total)), shape=(size, size))
    _, label = connected_components(graph, directed=False)
    label = label.astype(np.int64)
    return (label[:cut], label[cut:total]), known, label[total:]


def _or_free(passes: Ints) -> Ints:
    """Rows that stayed alone take part in every pass."""
    return np.where(passes == ALONE, _FREE, passes)
