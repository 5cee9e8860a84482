"""Keep a running reconciliation in a folder, so that the next run looks at what is new alone.

A state is written beside the former one and then named as the current one: a reader finds one or
the other. Whatever cannot be read, or was made by other rules, counts as absent: then everything
is reconciled from scratch.
"""

import json
import shutil
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mining.answers import code_digest
from mining.reconciliation.findings import Break
from mining.reconciliation.frames import Setting
from mining.reconciliation.movements import to_arrow
from mining.reconciliation.shelves import Shelf, State

_BREAKS: Final = pa.schema(
    [
        *((name, pa.string()) for name in ("break_id", "type")),
        ("members", pa.list_(pa.string())),
        *((name, pa.float64()) for name in ("delta_quantity", "delta_value", "value_at_risk")),
        *((name, pa.string()) for name in ("explanation", "suggested_fix")),
        ("age_days", pa.float64()),
        ("confidence", pa.string()),
        ("secondary", pa.list_(pa.string())),
        *((name, pa.string()) for name in ("site", "sku", "line", "owner", "root_cause")),
        ("age_bucket", pa.string()),
        ("opened_at", pa.timestamp("us", tz="UTC")),
        ("found_by", pa.string()),
        ("component", pa.int64()),
    ]
)
_MOMENTS: Final = ("occurred_at", "recorded_at", "due_at")
_CURRENT: Final = "current.json"


class Holder:
    """The kept reconciliation of one home.

    Parameters
    ----------
    folder : Path
        Need not exist.
    setting : Setting
        What the reconciliation is done by; a state made by another is not read.
    """

    def __init__(self, folder: Path, setting: Setting) -> None:
        self._folder = folder
        self._made_by = _digest(setting)

    def load(self) -> State | None:
        """The state kept last, or None."""
        try:
            current = json.loads((self._folder / _CURRENT).read_bytes())
            if current["made_by"] != self._made_by:
                return None
            return _read(self._folder / current["name"], int(current["as_of_us"]))
        except (OSError, ValueError, KeyError, TypeError):  # ArrowInvalid is a ValueError
            return None

    def save(self, state: State) -> None:
        """Keep a state instead of the former; a home one may only read stays as it is."""
        with suppress(OSError):
            name = uuid.uuid4().hex
            _write(state, self._folder / name)
            current = {"name": name, "made_by": self._made_by, "as_of_us": state.as_of_us}
            written = self._folder / f"{name}.json"
            written.write_text(json.dumps(current))
            written.replace(self._folder / _CURRENT)
            for former in self._folder.iterdir():
                if former.name not in (name, _CURRENT):
                    shutil.rmtree(former, ignore_errors=True)


def _digest(setting: Setting) -> str:
    said = [asdict(setting), code_digest(), duckdb.__version__]
    return sha256(json.dumps(said, default=_plain, sort_keys=True).encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return sorted(map(str, value)) if isinstance(value, frozenset) else str(value)


def _write(state: State, folder: Path) -> None:
    folder.mkdir(parents=True)
    shelf = state.shelf
    for side, name in enumerate(("left", "right")):
        rows = shelf.rows[side]
        rows = rows.append_column("component", pa.array(shelf.component[side]))
        rows = rows.append_column("name", pa.array(shelf.names[side]))
        _put(rows, folder / f"{name}.parquet")
        _put(state.open[side], folder / f"open_{name}.parquet")
    _put(pa.table({"key": shelf.keys, "owner": shelf.owner}), folder / "keys.parquet")
    movements = to_arrow(shelf.movements)
    movements = movements.append_column("component", pa.array(shelf.of_movement))
    _put(movements, folder / "movements.parquet")
    told = [[getattr(one, name) for one in shelf.breaks] for name in _BREAKS.names[:-1]]
    _put(pa.table([*told, shelf.of_break], schema=_BREAKS), folder / "breaks.parquet")


def _put(rows: pa.Table, path: Path) -> None:
    pq.write_table(rows, path, compression="zstd", store_schema=True)


def _read(folder: Path, as_of_us: int) -> State:
    sides = [pq.read_table(folder / f"{name}.parquet") for name in ("left", "right")]
    left, right = (rows.drop_columns(["component", "name"]).combine_chunks() for rows in sides)
    keys = pq.read_table(folder / "keys.parquet")
    movements = pq.read_table(folder / "movements.parquet")
    told = pq.read_table(folder / "breaks.parquet")
    open_left, open_right = (
        pq.read_table(folder / f"open_{name}.parquet").combine_chunks()
        for name in ("left", "right")
    )
    component = [rows["component"].to_numpy() for rows in sides]
    of_movement = movements["component"].to_numpy()
    owner = keys["owner"].to_numpy()
    numbers = [own.max(initial=-1) for own in (*component, of_movement, owner)]
    frame: pd.DataFrame = movements.drop_columns(["component"]).to_pandas()
    frame = frame.assign(**{name: frame[name].dt.tz_localize("UTC") for name in _MOMENTS})
    shelf = Shelf(
        rows=(left, right),
        names=(sides[0]["name"].to_numpy(), sides[1]["name"].to_numpy()),
        component=(component[0], component[1]),
        keys=keys["key"].to_numpy(),
        owner=owner,
        movements=frame,
        of_movement=of_movement,
        breaks=tuple(_break(row) for row in told.drop_columns(["component"]).to_pylist()),
        of_break=told["component"].to_numpy(),
        alive=np.ones(int(max(numbers)) + 1, bool),
    )
    return State(as_of_us, (open_left, open_right), shelf)


def _break(row: dict[str, Any]) -> Break:
    lists = {name: tuple(row[name]) for name in ("members", "secondary")}
    return Break(**(row | lists))


__all__ = ["Holder"]
