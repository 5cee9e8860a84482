"""The commands that reconcile, and that keep the life of each break."""

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ingestion.console import AsJson, AsOf, Home, out, print_json, progress_bar, table
from ingestion.settings import Settings
from mining.books_commands import app as books_app
from mining.books_commands import say_if_nothing

app = typer.Typer()
breaks_app = typer.Typer(
    no_args_is_help=True, help="What was found not to add up: its history, and who looks after it."
)
app.add_typer(breaks_app, name="breaks")
app.add_typer(books_app, name="books")

BreakId = Annotated[str, typer.Argument(help="Id of the break, as `retrace reconcile` tells it.")]
By = Annotated[
    str | None, typer.Option("--by", help="Who does it (default: you).", show_default=False)
]
Why = Annotated[str, typer.Option("--why", help="The reason, for whoever reads it later.")]


@app.command()
def reconcile(
    as_of: AsOf = None,
    signoff: Annotated[
        Path | None,
        typer.Option(
            help="Also write the breaks for sign-off as CSV to this file, and a sheet to print "
            "beside it (.html)."
        ),
    ] = None,
    period_end: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="With --signoff: last day of the period (default: the day of the newest record).",
        ),
    ] = None,
    close_out: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="Prove per site that every record of this day is matched or in a break.",
        ),
    ] = None,
    balances: Annotated[
        Path | None,
        typer.Option(
            help="Stock the ERP reports (CSV: site, sku, status, at, quantity), to be rolled "
            "forward by its postings (B16).",
        ),
    ] = None,
    record: Annotated[
        bool, typer.Option(help="Keep which breaks opened, closed and came back.")
    ] = True,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Match every unit and cent between WMS, ERP, customer credit and supplier claim.

    Example: `retrace reconcile --as-of 2026-06-30`

    Month-end: `retrace reconcile --signoff june.csv --period-end 2026-06-30`

    Day-end: `retrace reconcile --close-out 2026-06-30`

    Against stock reports of two or more days: `retrace reconcile --balances stock.csv`
    """
    from mining.reconciliation import read_balances
    from mining.reconciliation import reconcile as run

    settings = Settings.load(home)
    reported = read_balances(balances) if balances else None
    with progress_bar() as bar:
        bar.add_task("Reconciling", total=None)
        found = run(settings.home, as_of=as_of, balances=reported)
        recorded = _log(settings).record(found, at=datetime.now(UTC)) if record else None
    say_if_nothing(len(found.movements) + len(found.breaks))
    sheets = _sign_off(settings, found, signoff, period_end) if signoff else ()
    proof = _proof(found, close_out) if close_out else None
    if as_json:
        print_json(found.to_dict() | ({} if proof is None else {"close_out": proof}))
        return
    _show(found)
    if proof is not None and close_out is not None:
        _show_proof(proof, close_out)
    for sheet in sheets:
        out.print(f"Wrote {sheet}", highlight=False, soft_wrap=True)
    if recorded:
        out.print(
            f"Since the last time: {recorded.opened:,} opened, {recorded.reclassified:,} "
            f"reclassified, {recorded.closed:,} closed, {recorded.reopened:,} reopened "
            "(retrace breaks list)"
        )
    elif record:
        out.print("Not recorded: later data has been reconciled before (retrace breaks list).")


def _log(settings: Settings) -> Any:
    from ingestion.database import engine
    from mining.reconciliation.life import BreakLog

    return BreakLog(engine(settings))


def _sign_off(
    settings: Settings, found: Any, path: Path, end: datetime | None
) -> tuple[Path, Path]:
    from mining.reconciliation import period_end, write_signoff

    lives = _log(settings).lives(as_of=found.as_of)
    last_day = (end or found.as_of).date()
    return write_signoff(period_end(found, end=last_day, lives=lives), path)


def _proof(found: Any, day: datetime) -> list[dict[str, Any]]:
    from mining.reconciliation import close_out

    rows = close_out(found)
    mine = rows[rows["day"] == day].drop(columns="day").sort_values("site")
    told: Any = mine.to_dict("records")
    return [row | {"proven": abs(row["unexplained"]) < 1e-9} for row in told]


def _show_proof(proof: list[dict[str, Any]], day: datetime) -> None:
    if not proof:
        out.print(f"No movement or posting of {day:%Y-%m-%d}: nothing to prove.")
        return
    names = [name for name in proof[0] if name != "proven"]
    table(
        f"Close-out of {day:%Y-%m-%d}",
        [*(name.replace("_", " ") for name in names), "proven"],
        [
            [*(f"{row[n]:,.0f}" if n != "site" else row[n] for n in names), _yes(row["proven"])]
            for row in proof
        ],
    )


def _yes(flag: bool) -> str:
    return "yes" if flag else "NO"


def _show(found: Any) -> None:
    from mining.reconciliation import NAMES

    at_risk: dict[str, float] = {}
    for one in found.breaks:
        at_risk[one.type] = at_risk.get(one.type, 0.0) + one.value_at_risk
    table(
        f"{found.matched:,} movements matched, {len(found.breaks):,} breaks",
        ["type", "what", "breaks", "value at risk"],
        [
            [kind, NAMES[kind], count, f"{at_risk[kind]:,.2f}"]
            for kind, count in found.by_type.items()
        ],
    )
    for one in sorted(found.breaks, key=lambda one: (-one.value_at_risk, one.break_id))[:5]:
        out.print(f"{one.type} {one.break_id} {one.explanation}", highlight=False, markup=False)


@breaks_app.command("list")
def list_breaks(
    status: Annotated[
        Literal["open", "assigned", "explained", "corrected", "closed", "unsettled", "all"],
        typer.Option(help="Unsettled: everything that is not closed."),
    ] = "unsettled",
    kind: Annotated[str | None, typer.Option("--type", help="Only this type, as B05.")] = None,
    site: Annotated[str | None, typer.Option("--site", help="Only this site.")] = None,
    assignee: Annotated[str | None, typer.Option(help="Only what this person looks after.")] = None,
    as_of: AsOf = None,
    limit: Annotated[int, typer.Option(min=1, help="Show at most so many.")] = 50,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """List recorded breaks, the greatest expected loss first.

    Expected loss is the value at risk times the chance that a break does not clear itself, as
    learned from the recorded lives of former breaks.

    Example: `retrace breaks list --type B04 --site DC2`
    """
    moment = as_of.replace(tzinfo=UTC) if as_of and as_of.tzinfo is None else as_of
    known = _log(Settings.load(home)).lives(as_of=moment)
    lives = [
        life
        for life in known.values()
        if (status in ("all", life.status) or (status == "unsettled" and life.status != "closed"))
        and kind in (None, life.facts["type"])
        and site in (None, life.facts["site"])
        and assignee in (None, life.assignee)
    ]
    ranked = _ranked(known, lives)
    if as_json:
        told = [_told(known[row["break_id"]]) | _chances(row) for row in ranked[:limit]]
        print_json({"breaks": told, "total": len(lives)})
        return
    table(
        f"{len(lives):,} breaks" + (f", the first {limit:,}" if len(lives) > limit else ""),
        ["break", "type", "status", "assignee", "at risk", "clears itself", "what"],
        [_line(known[row["break_id"]], row) for row in ranked[:limit]],
    )


def _ranked(known: dict[str, Any], lives: list[Any]) -> list[dict[str, Any]]:
    from mining.reconciliation import fit_clearing, rank_breaks

    latest = max((step.known_at for life in known.values() for step in life.steps), default=None)
    model = fit_clearing(known.values(), known_at=latest)
    ranked: Any = rank_breaks([life.facts for life in lives], model).to_dict("records")
    rows: list[dict[str, Any]] = ranked
    return rows


def _chances(row: dict[str, Any]) -> dict[str, float]:
    return {name: round(row[name], 4) for name in ("chance_to_clear", "expected_loss")}


def _line(life: Any, row: dict[str, Any]) -> list[str]:
    return [
        life.break_id,
        life.facts["type"],
        life.status,
        life.assignee or "-",
        f"{life.facts['value_at_risk']:,.2f}",
        f"{row['chance_to_clear']:.0%}",
        life.facts["explanation"],
    ]


@breaks_app.command("show")
def show_break(break_id: BreakId, home: Home = None, as_json: AsJson = False) -> None:
    """Tell the life of a break, from its opening on.

    Example: `retrace breaks show BR0123456789abcdef`
    """
    life = _log(Settings.load(home)).life(break_id)
    if as_json:
        print_json(_told(life))
        return
    table(
        f"{break_id} ({life.facts['type']}) is {life.status}",
        ["recorded at", "step", "by", "assignee", "why"],
        [
            [f"{step.at:%Y-%m-%d %H:%M}", step.kind, step.actor, step.assignee or "-", step.why]
            for step in life.steps
        ],
    )
    out.print(life.facts["suggested_fix"], highlight=False, markup=False)


def _told(life: Any) -> dict[str, Any]:
    return dict(life.facts) | {
        "status": life.status,
        "assignee": life.assignee,
        "history": [step.to_dict() for step in life.steps],
    }


def _act(
    break_id: str,
    kind: str,
    *,
    by: str | None,
    why: str,
    home: Path | None,
    assignee: str | None = None,
) -> None:
    life = _log(Settings.load(home)).act(
        break_id,
        kind,
        by=by or getpass.getuser(),
        why=why,
        at=datetime.now(UTC),
        assignee=assignee,
    )
    out.print(f"Break {break_id} is {life.status}.")


@breaks_app.command("assign")
def assign_break(
    break_id: BreakId,
    to: Annotated[str, typer.Option("--to", help="Who looks after it from now on.")],
    by: By = None,
    why: Annotated[str, typer.Option("--why", help="The reason, if there is one.")] = "",
    home: Home = None,
) -> None:
    """Hand a break to somebody.

    Example: `retrace breaks assign BR0123456789abcdef --to finance.team`
    """
    _act(break_id, "assigned", by=by, why=why, home=home, assignee=to)


@breaks_app.command("explain")
def explain_break(break_id: BreakId, why: Why, by: By = None, home: Home = None) -> None:
    """Say what is behind a break that stays open.

    Example: `retrace breaks explain BR0123456789abcdef --why "Pallet was counted twice"`
    """
    _act(break_id, "explained", by=by, why=why, home=home)


@breaks_app.command("correct")
def correct_break(break_id: BreakId, why: Why, by: By = None, home: Home = None) -> None:
    """Say that a correcting document was posted; it closes when the data shows it.

    Example: `retrace breaks correct BR0123456789abcdef --why "Reversed by 4900012345"`
    """
    _act(break_id, "corrected", by=by, why=why, home=home)


@breaks_app.command("close")
def close_break(break_id: BreakId, why: Why, by: By = None, home: Home = None) -> None:
    """Accept a break; it comes back only if it changes.

    Example: `retrace breaks close BR0123456789abcdef --why "Written off, memo 12"`
    """
    _act(break_id, "closed", by=by, why=why, home=home)


@breaks_app.command("reopen")
def reopen_break(break_id: BreakId, why: Why, by: By = None, home: Home = None) -> None:
    """Take a closed break up again.

    Example: `retrace breaks reopen BR0123456789abcdef --why "The memo was withdrawn"`
    """
    _act(break_id, "reopened", by=by, why=why, home=home)
