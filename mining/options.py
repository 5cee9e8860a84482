"""Options and reading of the log that every mining command shares."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ingestion.console import err, progress_bar
from ingestion.settings import Settings

Details = Annotated[
    bool, typer.Option("--details", help="With --json: more than other people's scripts rely on.")
]
Site = Annotated[str | None, typer.Option("--site", help="Only this site.")]
Source = Annotated[str | None, typer.Option("--source", help="Only events of this source.")]
From = Annotated[
    datetime | None, typer.Option("--from", help="Cases whose first event is on or after this.")
]
To = Annotated[
    datetime | None, typer.Option("--to", help="Cases whose first event is before this.")
]
Engine = Annotated[
    Literal["duckdb", "spark"],
    typer.Option("--engine", help="What runs the SQL; spark needs the extra and Java 17."),
]


def read_log(home: Path | None, source: str | None, as_of: datetime | None, engine: str) -> Any:
    """Load the log of a home, saying so on stderr."""
    from mining import load

    with busy("Reading the lake"):
        return load(Settings.load(home).home, source=source, as_of=as_of, engine=engine)


@contextmanager
def busy(what: str) -> Iterator[None]:
    """Show on stderr that something without known steps goes on, and for how long."""
    with progress_bar() as bar:
        bar.add_task(what, total=None)
        yield


def say_if_no_returns(log: Any) -> None:
    """Say on stderr why an answer about return lines is empty for a log of something else."""
    if not log.holds_returns():
        err.print(
            "No step of this log is one of a return, so it does not hold what this asks for. Any "
            "log can be asked for: dfg, variants, rework, compare, model, bottlenecks, declare, "
            "temporal-profile. A mapping can name its steps as those of a return (see: retrace "
            "ingest --help)."
        )
