"""The command that reconciles."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ingestion.console import AsJson, AsOf, Home, out, print_json, progress_bar, table
from ingestion.settings import Settings

app = typer.Typer()


@app.command()
def reconcile(
    as_of: AsOf = None,
    signoff: Annotated[
        Path | None, typer.Option(help="Also write the breaks for sign-off as CSV to this file.")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Match every unit and cent between WMS, ERP, customer credit and supplier claim.

    Example: `retrace reconcile --as-of 2026-06-30`
    """
    from mining.reconciliation import NAMES
    from mining.reconciliation import reconcile as run

    with progress_bar() as bar:
        bar.add_task("Reconciling", total=None)
        found = run(Settings.load(home).home, as_of=as_of)
    answer = found.to_dict()
    if signoff:
        _write_breaks(answer["breaks"], signoff)
    if as_json:
        print_json(answer)
        return
    at_risk: dict[str, float] = {}
    for one in answer["breaks"]:
        at_risk[one["type"]] = at_risk.get(one["type"], 0.0) + (one["value_at_risk"] or 0.0)
    rows = [
        [kind, NAMES.get(kind, kind), count, f"{at_risk.get(kind, 0.0):,.2f}"]
        for kind, count in answer["by_type"].items()
    ]
    table(
        f"{answer['matched']:,} movements matched, {len(answer['breaks']):,} breaks",
        ["type", "what", "breaks", "value at risk"],
        rows,
    )
    for one in sorted(answer["breaks"], key=lambda one: -(one["value_at_risk"] or 0.0))[:5]:
        out.print(f"{one['type']} {one['explanation']}", highlight=False, markup=False)


def _write_breaks(breaks: list[dict[str, Any]], path: Path) -> None:
    """Write breaks as CSV; texts that a spreadsheet would run as a formula are quoted."""
    import csv

    def safe(value: Any) -> Any:
        text = ";".join(map(str, value)) if isinstance(value, list) else value
        risky = isinstance(text, str) and text.startswith(("=", "+", "-", "@", "\t", "\r"))
        return "'" + text if risky else text

    columns = [
        "break_id",
        "type",
        "members",
        "delta_quantity",
        "delta_value",
        "value_at_risk",
        "age_days",
        "confidence",
        "secondary",
        "explanation",
        "suggested_fix",
    ]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([safe(one[column]) for column in columns] for one in breaks)
