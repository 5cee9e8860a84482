"""Any SQL database as a source: the rows of a query, from where the last run stopped.

The watermark is a column of the query's result that grows, such as ``changed_at``. Rows that share
the newest value may still be followed by others, so the next run reads that value again and the
lake knows the rows it has: nothing is lost on a tie, and nothing is doubled. Rows without a
watermark come every time.
"""

import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, CursorResult, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from ingestion.pulled import CannotPull, Pulled, password_of
from ingestion.settings import Settings

DELIVERY = 200_000
"""Rows of one delivery, at least; rows with one watermark stay together."""

_FETCH = 10_000
_BOUND_LOOKALIKE = re.compile(r"(?<![:\w\\]):(\w+)(?!:)")
_KINDS: dict[str, tuple[type, Any]] = {
    "datetime": (datetime, datetime.fromisoformat),
    "date": (date, date.fromisoformat),
    "int": (int, int),
    "decimal": (Decimal, Decimal),
    "float": (float, float),
    "text": (str, str),
    "bytes": (bytes, bytes.fromhex),
}


@dataclass(frozen=True, slots=True)
class Query:
    """What to read from a database.

    Parameters
    ----------
    sql : str
        A SELECT. It is run as a subquery, so it can change nothing.
    watermark : str, optional
        Column of its result that grows; without one every run reads everything.
    overlap : float
        How far to go back behind the watermark, for rows that are committed late: seconds where it
        is a time, else its own unit.
    """

    sql: str
    watermark: str | None = None
    overlap: float = 0.0


def pull_rows(settings: Settings, address: str, query: Query) -> Generator[list[Path], None, None]:
    """Yield Parquet files of text columns, oldest rows first.

    Asking for the next file says that the one before is in the lake.

    Raises
    ------
    CannotPull
    """
    url = _url(settings, address)
    place = url.set(query={}).render_as_string(hide_password=True)
    pulled = Pulled(settings, place, f"{query.sql}\x1f{query.watermark}")
    try:
        engine = sa.create_engine(url)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise CannotPull(place, f"{error}. Is the driver installed?") from error
    try:
        with engine.connect() as connection:
            yield from _deliveries(connection, query, pulled, url.database or "rows")
    except SQLAlchemyError as error:
        raise CannotPull(place, str(getattr(error, "orig", None) or error).strip()) from error
    finally:
        engine.dispose()


def _url(settings: Settings, address: str) -> URL:
    try:
        url = make_url(address)
    except ArgumentError as error:
        raise CannotPull("the database", f"{error}. Write dialect://USER@HOST/NAME") from error
    if url.drivername in {"postgresql", "postgres"}:
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        raise CannotPull(str(url), "there is no such file")
    if url.username and url.password is None:
        url = url.set(password=password_of(settings, url.username, url.host or ""))
    return url


def _deliveries(
    connection: Connection, query: Query, pulled: Pulled, name: str
) -> Iterator[list[Path]]:
    if connection.dialect.name == "postgresql":
        connection = connection.execution_options(postgresql_readonly=True)
    position = pulled.position()
    last = _from_note(position.get("watermark"))
    rows = connection.execution_options(stream_results=True).execute(_statement(query, last))
    columns = _columns(rows, query, pulled.place)
    column = columns.index(query.watermark) if query.watermark else None
    number, newest = int(position.get("deliveries", 0)), last
    for rest in _whole_watermarks(rows, column):
        number += 1
        path = pulled.folder / f"{Path(name).stem}-{number:06}.parquet"
        try:
            newest = _write(path, columns, rest, column) or newest
            yield [path]
        except BaseException:  # it did not reach the lake: the rows will be read again
            path.unlink(missing_ok=True)
            raise
        pulled.advance({"deliveries": number, "watermark": _to_note(newest)})


def _statement(query: Query, last: Any) -> sa.Select[Any]:
    sql = _BOUND_LOOKALIKE.sub(r"\\:\1", query.sql.strip().rstrip(";"))
    statement: sa.Select[Any] = sa.select(sa.literal_column("*")).select_from(
        sa.text(f"({sql}\n) delivered")
    )
    if not query.watermark:
        return statement
    column: sa.ColumnClause[Any] = sa.column(sa.sql.quoted_name(query.watermark, quote=True))
    if last is not None:
        statement = statement.where(sa.or_(column >= _gone_back(last, query), column.is_(None)))
    return statement.order_by(column)


def _gone_back(last: Any, query: Query) -> Any:
    if not query.overlap:
        return last
    if isinstance(last, (datetime, date)):
        return last - timedelta(seconds=query.overlap)
    if isinstance(last, (int, float, Decimal)):
        back: Any = type(last)(query.overlap)
        return last - back
    raise CannotPull(
        f"the watermark {query.watermark!r}",
        "an overlap needs a time or a number, and this column holds text",
    )


def _columns(rows: CursorResult[Any], query: Query, place: str) -> list[str]:
    columns = [str(name) for name in rows.keys()]  # noqa: SIM118 - a result, not a dictionary
    if len({name.lower() for name in columns}) != len(columns):
        raise CannotPull(place, f"the query gives a column twice: {', '.join(columns)}")
    if query.watermark and query.watermark not in columns:
        raise CannotPull(
            place, f"the query gives no column {query.watermark!r}, only {', '.join(columns)}"
        )
    return columns


def _whole_watermarks(
    rows: CursorResult[Any], column: int | None
) -> Iterator[Iterator[Sequence[Any]]]:
    """Runs of at least ``DELIVERY`` rows, cut only where the watermark changes.

    Equal rows are told apart by their number inside one delivery, so they must not be parted.
    """
    source = iter(rows.yield_per(_FETCH))
    ahead = next(source, None)

    def run() -> Iterator[Sequence[Any]]:
        nonlocal ahead
        count = 0
        while ahead is not None:
            row, ahead = ahead, next(source, None)
            count += 1
            yield row
            may_cut = column is not None and count >= DELIVERY and ahead is not None
            if may_cut and ahead is not None and ahead[column or 0] != row[column or 0]:
                return

    while ahead is not None:
        yield run()


def _write(
    path: Path, columns: list[str], rows: Iterator[Sequence[Any]], column: int | None
) -> Any:
    """Write rows as text; answer the newest watermark."""
    schema = pa.schema([pa.field(name, pa.string()) for name in columns])
    newest: Any = None
    with pq.ParquetWriter(path, schema, compression="zstd") as file:
        batch: list[Sequence[Any]] = []
        for row in rows:
            batch.append([_text(value) for value in row])
            if column is not None and row[column] is not None:
                newest = row[column]
            if len(batch) == _FETCH:
                file.write_batch(_to_batch(batch, schema))
                batch = []
        file.write_batch(_to_batch(batch, schema))
    return newest


def _to_batch(rows: list[Sequence[Any]], schema: pa.Schema) -> pa.RecordBatch:
    values = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [pa.array(column, pa.string()) for column in values]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).hex()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat(" ") if isinstance(value, datetime) else str(value)


def _to_note(value: Any) -> dict[str, str] | None:
    if value is None:
        return None
    for name, (kind, _) in _KINDS.items():
        if type(value) is kind:
            return {"kind": name, "value": _text(value) or ""}
    return {"kind": "text", "value": str(value)}


def _from_note(note: dict[str, str] | None) -> Any:
    return _KINDS[note["kind"]][1](note["value"]) if note else None
