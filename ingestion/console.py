"""What every command prints with: tables, JSON, progress bars, and the options they share."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

err = Console(stderr=True)
out = Console(width=None if sys.stdout.isatty() else 160)

Home = Annotated[
    Path | None,
    typer.Option(
        "--home",
        envvar="RETRACE_HOME",
        help="Folder of this installation's data (default: .retrace).",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
AsOf = Annotated[
    datetime | None,
    typer.Option("--as-of", help="Only what was recorded by then (default: the latest recorded)."),
]


def print_json(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer, ensure_ascii=False, default=str) + "\n")


def table(title: str, columns: list[str], rows: list[list[Any]]) -> None:
    table = Table(title=title, title_justify="left", header_style="bold")
    numbers = [
        all(isinstance(row[i], int | float) or row[i] in ("", "-") for row in rows) and bool(rows)
        for i in range(len(columns))
    ]
    for name, number in zip(columns, numbers, strict=True):
        table.add_column(name, justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(cell(value) for value in row))
    out.print(table)


def cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else str(value)


def duration(seconds: float | None) -> str:
    """Seconds as people say them."""
    if seconds is None:
        return "-"
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if abs(seconds) >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


@contextmanager
def progress_bar(*columns: Any) -> Iterator[Progress]:
    default = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        *columns,
        TimeElapsedColumn(),
    )
    with Progress(*default, console=err, transient=not err.is_terminal) as bar:
        yield bar


def told(bar: Progress, task: Any) -> Callable[[str, int, int], None]:
    """Show a step by name, how far it is and how far it goes."""

    def tell(step: str, done: int, total: int) -> None:
        bar.update(task, description=step, completed=done, total=total or None)

    return tell


@contextmanager
def step(title: str) -> Iterator[Callable[[float], None]]:
    """Progress of one step as a share from 0 to 1."""
    with progress_bar(TimeRemainingColumn()) as bar:
        task = bar.add_task(title, total=1.0)
        yield lambda share: bar.update(task, completed=min(share, 1.0))
        bar.update(task, completed=1.0)


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.3g}" if abs(value) < 100 else f"{value:,.0f}"
