"""Records a reader has already taken apart, as the relation ``raw``."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.lake import literal, quoted
from ingestion.readers.raw import Raw
from ingestion.staging import Refused, Staged

BATCH = 50_000
Row = Mapping[str, str | None]


def spool_rows(
    con: duckdb.DuckDBPyConnection,
    delivery: Staged,
    rows: Iterable[Row],
    *,
    columns: tuple[str, ...],
    format: str,
    refused: Callable[[], list[Refused]],
) -> Raw:
    """Create ``raw`` from rows of text, in batches on disk, so that memory stays bounded.

    Parameters
    ----------
    rows : iterable of mappings
        Column -> text or None; a column a row does not have is null in it.
    columns : tuple of str
        Columns of ``raw``; they exist even where there is no row.
    """
    schema = pa.schema([pa.field(name, pa.string()) for name in columns])
    folder = delivery.folder / "rows"
    folder.mkdir()
    for number, batch in enumerate(_batches(rows)):
        data = {name: [row.get(name) for row in batch] for name in columns}
        table = pa.table({name: pa.array(data[name], pa.string()) for name in columns})
        pq.write_table(table, folder / f"{number:06d}.parquet", compression="zstd")
    if not any(folder.iterdir()):
        pq.write_table(schema.empty_table(), folder / "none.parquet")
    names = ", ".join(quoted(name) for name in columns)
    con.execute(
        f"create or replace temp view raw as select {names} "
        f"from read_parquet({literal(str(folder / '*.parquet'))})"
    )
    return Raw(columns, format, refused)


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    rest = iter(rows)
    while batch := list(islice(rest, BATCH)):
        yield batch
