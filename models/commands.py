"""The commands that forecast: train, evaluate, promote and score."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from ingestion.console import AsJson, Home, cell, out, print_json, progress_bar, table, told
from ingestion.settings import Settings

app = typer.Typer()

Tasks = Annotated[list[str] | None, typer.Argument(metavar="[TASK]...", help="Default: all.")]


@app.command()
def train(tasks: Tasks = None, home: Home = None, as_json: AsJson = False) -> None:
    """Train the models on what was known in time; each becomes the challenger.

    Example: `retrace train reason disposition`
    """
    from models import train as run

    with progress_bar() as bar:
        task = bar.add_task("Training", total=None)
        reports = run(Settings.load(home), tasks or None, progress=told(bar, task))
    _reports(reports, as_json)


@app.command()
def evaluate(tasks: Tasks = None, home: Home = None, as_json: AsJson = False) -> None:
    """Judge the challenger beside champion and naive baseline on the last time slice."""
    from models import evaluate as run

    with progress_bar() as bar:
        bar.add_task("Evaluating", total=None)
        reports = run(Settings.load(home), tasks or None)
    _reports(reports, as_json)


def _reports(reports: list[Any], as_json: bool) -> None:
    answers = [report.to_dict() for report in reports]
    if as_json:
        print_json({"models": answers})
        return
    for answer in answers:
        task = answer.pop("task", answer.pop("name", "model"))
        rows = [
            [name, cell(round(value, 4) if isinstance(value, float) else value)]
            for name, value in _flat(answer)
        ]
        table(str(task), ["measure", "value"], rows)


def _flat(answer: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in answer.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, str | int | float | bool) or value is None:
            yield prefix + name, value


@app.command()
def promote(
    task: Annotated[str, typer.Argument(metavar="TASK", help="Which model.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make the challenger champion if it deserves it, and write the serving bundle."""
    from models import promote as run

    decision = run(Settings.load(home), task).to_dict()
    if as_json:
        print_json(decision)
        return
    verdict = "Promoted" if decision["promoted"] else "Held"
    out.print(f"{verdict} {task}: {decision['because']}", highlight=False, markup=False)


@app.command()
def score(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, JSONL or JSON of lines.")],
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Give the API's answer for a file of return lines, offline."""
    from models import Scorer
    from models.lines import read_lines

    scorer = Scorer.load(Settings.load(home).models_dir / "champion")
    answers = [advice.to_dict() for advice in scorer.score(read_lines(file))]
    if as_json:
        print_json({"results": answers})
        return
    rows = [
        [
            a["return_line_id"],
            a["reason"]["recommended"] or "abstained",
            a["disposition"]["recommended"] or "abstained",
            a["policy"]["route"],
        ]
        for a in answers
    ]
    table(f"{len(rows):,} return lines", ["return line", "reason", "disposition", "route"], rows)
