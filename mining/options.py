"""Options and reading of the log that every mining command shares."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from ingestion.console import progress_bar
from ingestion.settings import Settings

Site = Annotated[str | None, typer.Option("--site", help="Only this site.")]
Source = Annotated[str | None, typer.Option("--source", help="Only events of this source.")]
From = Annotated[
    datetime | None, typer.Option("--from", help="Cases whose first event is on or after this.")
]
To = Annotated[
    datetime | None, typer.Option("--to", help="Cases whose first event is before this.")
]
Engine = Annotated[str, typer.Option("--engine", help="duckdb or spark.")]


def read_log(home: Path | None, source: str | None, as_of: datetime | None, engine: str) -> Any:
    """Load the log of a home, saying so on stderr."""
    from mining import load

    with progress_bar() as bar:
        bar.add_task("Reading the lake", total=None)
        return load(Settings.load(home).home, source=source, as_of=as_of, engine=engine)
