"""The two records to be compared, in one shape: canonical columns, canonical order, integer codes.

Order is (occurred_at, movement_id, contents), so nothing downstream can depend on how rows arrived.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.errors import RetraceError

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
HOUR_US: Final = 3_600_000_000
DAY_US: Final = 24 * HOUR_US
NEVER: Final = np.iinfo(np.int64).min

TEXTS: Final = (
    *("movement_id", "reference", "document", "line", "number", "sku", "lot", "serial", "kind"),
    *("status", "location", "site", "reversal_of", "channel", "family", "error"),
)
NUMBERS: Final = ("quantity", "value", "unit_cost", "pack_factor")
TIMES: Final = ("occurred_at", "recorded_at")
DATES: Final = ("business_date", "posting_date")
FLAGS: Final = ("reversal", "failed", "bulk")
MOVEMENT_COLUMNS: Final = (*TEXTS, *NUMBERS, *TIMES, *DATES, *FLAGS)


class BadMovements(RetraceError):
    """A frame given to ``reconcile_frames`` does not hold movements."""


@dataclass(frozen=True)
class Side:
    """Movements of one system as arrays of shape (n,), in canonical order.

    Parameters
    ----------
    table : arrow table
        The rows themselves, for names in sentences.
    codes : dict of int32 arrays
        Per text column an integer shared by both sides; -1 where absent.
    ignored : arrow table
        Exact repetitions, left out.
    """

    table: pa.Table
    codes: dict[str, Codes]
    time: Ints
    recorded: Ints
    quantity: Floats
    value: Floats
    unit_cost: Floats
    pack: Floats
    day: Ints
    reversal: Flags
    failed: Flags
    bulk: Flags
    ignored: pa.Table = field(repr=False)

    def __len__(self) -> int:
        return len(self.time)

    def texts(self, column: str, rows: npt.ArrayLike) -> list[str | None]:
        """Values of a text column in some rows."""
        found: list[str | None] = self.table[column].take(pa.array(np.asarray(rows))).to_pylist()
        return found


def to_sides(
    left: pd.DataFrame | pa.Table,
    right: pd.DataFrame | pa.Table,
    *,
    statuses: Mapping[str, str],
    locations: Mapping[str, str],
    zones: Mapping[str, ZoneInfo] | None = None,
    known_us: int | None = None,
) -> tuple[Side, Side]:
    """Bring both frames into one shape.

    Parameters
    ----------
    left, right : frames
        At least movement_id, quantity and occurred_at; see ``MOVEMENT_COLUMNS`` for the rest.
    statuses, locations : mapping
        Codes of the right side to codes of the left.
    zones : mapping of site to time zone, optional
        For the business date of a movement that states none; UTC otherwise.
    known_us : int, optional
        Rows recorded (where that is not stated: that occurred) later are left out, microseconds.

    Raises
    ------
    BadMovements
    """
    tables = [
        _sorted(_known(_shaped(frame, name), known_us))
        for frame, name in ((left, "left"), (right, "right"))
    ]
    for column, codes in (("status", statuses), ("location", locations)):
        if codes:
            tables[1] = _mapped(tables[1], column, codes)
    tables[0], ignored_left = _without_repeats(tables[0])
    tables[1], ignored_right = _without_repeats(tables[1])
    codes_left, codes_right = _shared_codes(tables)
    zones = zones or {}
    return (
        _side(tables[0], codes_left, ignored_left, "business_date", zones),
        _side(tables[1], codes_right, ignored_right, "posting_date", zones),
    )


def shaped_sides(
    left: pd.DataFrame | pa.Table | None,
    right: pd.DataFrame | pa.Table | None,
    *,
    statuses: Mapping[str, str],
    locations: Mapping[str, str],
) -> tuple[pa.Table, pa.Table]:
    """Both frames in canonical columns, codes of the right side translated; None has no rows.

    Raises
    ------
    BadMovements
    """
    empty = pa.table({})
    mine = _shaped(empty if left is None else left, "left")
    theirs = _shaped(empty if right is None else right, "right")
    for column, codes in (("status", statuses), ("location", locations)):
        if codes:
            theirs = _mapped(theirs, column, codes)
    return mine, theirs


def to_arrow(frame: pd.DataFrame | pa.Table) -> pa.Table:
    """A frame as an Arrow table; times with a zone become UTC."""
    if isinstance(frame, pa.Table):
        return frame
    zoned: dict[str, Any] = {
        str(name): frame[name].dt.tz_convert(None)
        for name, kind in frame.dtypes.items()
        if isinstance(kind, pd.DatetimeTZDtype)
    }
    return pa.Table.from_pandas(frame.assign(**zoned), preserve_index=False)


def _shaped(frame: pd.DataFrame | pa.Table, name: str) -> pa.Table:
    given = to_arrow(frame)
    missing = [c for c in ("movement_id", "quantity", "occurred_at") if c not in given.column_names]
    if missing and given.num_rows:
        raise BadMovements(
            f"The {name} frame has no column {', '.join(missing)}; it has "
            f"{', '.join(given.column_names) or 'none'}. Movements need movement_id, quantity and "
            "occurred_at."
        )
    n = given.num_rows
    columns = {column: _column(given, column, n, name) for column in MOVEMENT_COLUMNS}
    if columns["line"].null_count < n and columns["number"].null_count == n:
        columns["number"] = pc.struct_field(
            pc.extract_regex(columns["line"], r":(?P<number>[^:]*)$"), "number"
        )
    for column in ("movement_id", "quantity", "occurred_at"):
        if columns[column].null_count:
            raise BadMovements(
                f"{columns[column].null_count} rows of the {name} frame have no {column}. "
                "Remove or repair them first."
            )
    return pa.table(columns)


def _known(table: pa.Table, known_us: int | None) -> pa.Table:
    if known_us is None:
        return table
    moments = pc.coalesce(table["recorded_at"], table["occurred_at"]).cast(pa.int64())
    return table.filter(pc.less_equal(moments, known_us))


def _column(given: pa.Table, column: str, n: int, name: str) -> pa.ChunkedArray | pa.Array:
    kind = _TYPES[column]
    if column not in given.column_names:
        if column == "recorded_at" and "occurred_at" in given.column_names:
            return _column(given, "occurred_at", n, name)
        if column == "kind":
            return pa.array(np.full(n, "movement", object), pa.string())
        return pa.nulls(n, kind)
    values = given[column]
    try:
        if pa.types.is_dictionary(values.type):
            values = values.cast(values.type.value_type)
        if pa.types.is_timestamp(kind) and values.type in (pa.string(), pa.large_string()):
            raise pa.ArrowInvalid("it holds text, not timestamps")
        if pa.types.is_timestamp(kind) and getattr(values.type, "tz", None) is None:
            return values.cast(pa.timestamp("us"), safe=False).cast(kind)
        return values.cast(kind, safe=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise BadMovements(
            f"Column {column} of the {name} frame cannot be read: {error}."
        ) from error


_TYPES: Final[dict[str, pa.DataType]] = (
    {name: pa.string() for name in TEXTS}
    | {name: pa.float64() for name in NUMBERS}
    | {name: pa.timestamp("us", tz="UTC") for name in TIMES}
    | {name: pa.date32() for name in DATES}
    | {name: pa.bool_() for name in FLAGS}
)


def _sorted(table: pa.Table) -> pa.Table:
    """Canonical order: by time and id, then by everything that tells rows of one id apart."""
    if not len(table):
        return table.combine_chunks()
    keys = ["occurred_at", "movement_id"]
    table = _sorted_by(table, keys)
    same = [pc.equal(table[name][1:], table[name][:-1]) for name in keys]
    if pc.any(pc.and_(*same)).as_py():
        keys += [name for name in table.column_names if name not in keys]
        table = _sorted_by(table, [name for name in keys if table[name].null_count < len(table)])
    return table


def _sorted_by(table: pa.Table, keys: Sequence[str]) -> pa.Table:
    order = pc.sort_indices(table, sort_keys=[(name, "ascending") for name in keys])
    return table.take(order).combine_chunks()


def _mapped(table: pa.Table, column: str, codes: Mapping[str, str]) -> pa.Table:
    index = pc.index_in(table[column], pa.array(list(codes)))
    mapped = pa.array(list(codes.values())).take(index)
    where = table.column_names.index(column)
    return table.set_column(where, column, pc.coalesce(mapped, table[column]))


def _without_repeats(table: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Set exact repetitions aside (the clock of the record may differ): a message sent again."""
    ids = table["movement_id"].combine_chunks().dictionary_encode()
    if isinstance(ids, pa.ChunkedArray):
        ids = ids.combine_chunks()
    code = ids.indices.to_numpy(zero_copy_only=False)
    counts = np.bincount(code, minlength=1)
    again = np.flatnonzero(counts[code] > 1)
    repeated = np.zeros(len(table), bool)
    if len(again):
        compared = [name for name in table.column_names if name != "recorded_at"]
        rows = table.select(compared).take(pa.array(again)).to_pandas()
        repeated[again] = rows.duplicated(keep="first").to_numpy()
    return table.filter(pa.array(~repeated)), table.filter(pa.array(repeated))


def _shared_codes(tables: Sequence[pa.Table]) -> tuple[dict[str, Codes], dict[str, Codes]]:
    found: tuple[dict[str, Codes], dict[str, Codes]] = ({}, {})
    for family in _CODED:
        columns = [(side, name) for side in (0, 1) for name in family]
        chunks = [tables[side][name].combine_chunks() for side, name in columns]
        codes = _codes(chunks)
        for side, name in columns:
            found[side][name], codes = codes[: len(tables[side])], codes[len(tables[side]) :]
    quantities = np.concatenate([_numbers(table, "quantity") for table in tables])
    _, ranks = np.unique(np.round(quantities * 1e6), return_inverse=True)
    cut = len(tables[0])
    found[0]["quantity"] = ranks[:cut].astype(np.int32)
    found[1]["quantity"] = ranks[cut:].astype(np.int32)
    return found


_CODED: Final = (
    ("movement_id", "document", "reversal_of"),
    *((name,) for name in ("reference", "line", "number", "sku", "lot", "serial")),
    *((name,) for name in ("kind", "status", "location", "site")),
)
"""Columns whose values are compared with each other share their codes."""


def _codes(chunks: list[pa.Array]) -> Codes:
    if all(chunk.null_count == len(chunk) for chunk in chunks):
        return np.full(sum(map(len, chunks)), -1, np.int32)
    encoded = pa.concat_arrays([_flat(chunk) for chunk in chunks]).dictionary_encode()
    indices = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    codes: Codes = indices.astype(np.int32)
    return codes


def _flat(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def _numbers(table: pa.Table, column: str) -> Floats:
    values: Floats = table[column].to_numpy().astype(np.float64)
    return values


def _flags(table: pa.Table, column: str, otherwise: Flags) -> Flags:
    if table[column].null_count == len(table):
        return otherwise
    flags: Flags = table[column].fill_null(False).to_numpy().astype(bool)
    return flags


def _side(
    table: pa.Table,
    codes: dict[str, Codes],
    ignored: pa.Table,
    date_column: str,
    zones: Mapping[str, ZoneInfo],
) -> Side:
    quantity = _numbers(table, "quantity")
    named = codes["reversal_of"] >= 0
    nothing = np.zeros(len(table), bool)
    time = table["occurred_at"].cast(pa.int64()).to_numpy()
    recorded = table["recorded_at"].fill_null(0).cast(pa.int64()).to_numpy()
    return Side(
        table=table,
        codes=codes,
        time=time,
        recorded=np.where(recorded == 0, time, recorded),
        quantity=quantity,
        value=_numbers(table, "value"),
        unit_cost=_numbers(table, "unit_cost"),
        pack=np.nan_to_num(_numbers(table, "pack_factor"), nan=1.0),
        day=_days(table, date_column, time, codes["site"], zones),
        reversal=_flags(table, "reversal", named | (quantity < 0)),
        failed=_flags(table, "failed", nothing),
        bulk=_flags(table, "bulk", nothing),
        ignored=ignored,
    )


def _days(
    table: pa.Table, column: str, time: Ints, site: Codes, zones: Mapping[str, ZoneInfo]
) -> Ints:
    """Accounting or business day, counted from 1970; from the local clock where none is stated."""
    local = time.copy()
    if zones and len(table):
        names, first = np.unique(site, return_index=True)
        for code, row in zip(names.tolist(), first.tolist(), strict=True):
            zone = zones.get(table["site"][row].as_py() or "")
            if zone is not None:
                mine = site == code
                local[mine] = _local(time[mine], zone)
    stated = table[column].cast(pa.int32()).cast(pa.int64())
    return np.asarray(pc.coalesce(stated, pa.array(local // DAY_US)).to_numpy(), np.int64)


def _local(time: Ints, zone: ZoneInfo) -> Ints:
    """The wall clock of a zone, as if it were UTC."""
    clock = pd.DatetimeIndex(time.view("datetime64[us]"), tz="UTC").tz_convert(zone)
    wall: Ints = np.asarray(clock.tz_localize(None).astype("datetime64[us]")).view(np.int64)
    return wall


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a frame as dictionaries."""
    rows: Any = frame.to_dict("records")
    found: list[dict[str, Any]] = rows
    return found


def months(days: Ints) -> Ints:
    """Year times twelve plus month of days counted from 1970."""
    found: Ints = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return found
