"""The command that shows the dashboard."""

from typing import Annotated

import typer

from ingestion.console import Home
from ingestion.settings import Settings

app = typer.Typer()


@app.command()
def dashboard(port: Annotated[int, typer.Option(help="Port.")] = 8501, home: Home = None) -> None:
    """Show the dashboard in a browser."""
    import subprocess

    from dashboard.launch import command

    raise SystemExit(subprocess.call(command(Settings.load(home), port)))
