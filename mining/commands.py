"""The commands that find: mine and export; each family of findings has a module of its own."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from ingestion.console import (
    AsJson,
    AsOf,
    Home,
    out,
    print_json,
)
from mining.kpi_commands import app as kpi_commands
from mining.map_commands import app as map_commands
from mining.model_commands import app as model_commands
from mining.options import Source, read_log
from mining.pattern_commands import app as pattern_commands
from mining.reconciliation_commands import app as reconciliation_commands
from mining.why_commands import app as why_commands

app = typer.Typer()
mine_app = typer.Typer(no_args_is_help=True, help="Process maps, variants and KPIs.")
app.add_typer(mine_app, name="mine")
mine_app.add_typer(map_commands)
mine_app.add_typer(kpi_commands)
mine_app.add_typer(model_commands)
mine_app.add_typer(why_commands)
mine_app.add_typer(pattern_commands)
app.add_typer(reconciliation_commands)


@app.command()
def export(
    kind: Annotated[
        Literal["ocel", "xes", "csv"], typer.Argument(metavar="ocel|xes|csv", help="Format.")
    ],
    path: Annotated[Path, typer.Argument(metavar="PATH", help="File to write.")],
    source: Source = None,
    as_of: AsOf = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Hand the log over as OCEL 2.0 (JSON), XES or CSV; compressed where the name ends in .gz.

    Example: `retrace export xes returns.xes`
    """
    from mining.export import export as run

    written = run(read_log(home, source, as_of, "duckdb"), kind, path)
    if as_json:
        print_json(asdict(written))
    else:
        out.print(f"Wrote {written.events:,} events of {written.cases:,} cases to {path}")
