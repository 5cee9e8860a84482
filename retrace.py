"""Retrace from the command line: the layers' commands under one name, `demo` and `doctor`."""

import json
import logging
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Annotated, Any, NoReturn

import typer
from rich.markup import escape

from dashboard.commands import app as dashboard_commands
from ingestion.commands import app as ingestion_commands
from ingestion.commands import load_paths
from ingestion.console import AsJson, Home, number, out, print_json, progress_bar, step, table, told
from ingestion.errors import RetraceError
from ingestion.settings import Settings
from mining.commands import app as mining_commands
from models.commands import app as models_commands
from scoring_api.commands import app as api_commands
from scoring_api.commands import new_key

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Mine returns, reconcile them, and advise on the next one. AI advises; ERP decides.",
)
for commands in (
    ingestion_commands,
    mining_commands,
    models_commands,
    api_commands,
    dashboard_commands,
):
    app.add_typer(commands)


def main() -> None:
    """Entry point: one clear line for every error, never a traceback."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        app()
    except RetraceError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        _fail("Interrupted.", code=130)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
        raise SystemExit(0) from None
    except Exception as error:
        if os.environ.get("RETRACE_DEBUG"):
            raise
        _fail(f"Unexpected {type(error).__name__}: {error}. Set RETRACE_DEBUG=1 for the details.")


def _fail(message: str, code: int = 1) -> NoReturn:
    print("Error: " + " ".join(message.split()), file=sys.stderr)
    raise SystemExit(code)


@app.command()
def doctor(home: Home = None, as_json: AsJson = False) -> None:
    """Check this set-up: versions, home, counters, models, optional helpers."""
    checks = [
        {"name": name, "ok": ok, "detail": detail}
        for name, ok, detail in _checks(Settings.load(home))
    ]
    healthy = all(check["ok"] is not False for check in checks)
    if as_json:
        print_json({"ok": healthy, "checks": checks})
    else:
        marks: dict[Any, str] = {True: "ok", False: "PROBLEM", None: "absent"}
        table(
            "Set-up",
            ["check", "state", "detail"],
            [[c["name"], marks[c["ok"]], c["detail"]] for c in checks],
        )
    if not healthy:
        raise SystemExit(1)


def _checks(settings: Settings) -> Iterator[tuple[str, bool | None, str]]:
    """Name, state (None: optional and absent) and detail of everything worth knowing."""
    import shutil
    from importlib.metadata import version

    from ingestion.lake import Lake
    from ingestion.status import status as count

    yield "python", sys.version_info >= (3, 11), sys.version.split()[0]
    for package in ("duckdb", "deltalake", "pandas", "pm4py", "lightgbm", "mlflow", "streamlit"):
        yield package, True, version(package)
    parent = next(folder for folder in (settings.home, *settings.home.parents) if folder.exists())
    yield "home", os.access(parent, os.W_OK), f"{settings.home} (writable: {parent})"
    free = shutil.disk_usage(parent).free / 1e9
    yield "disk", free > 1, f"{free:,.0f} GB free"
    lake = Lake(settings.home)
    if lake.version("deliveries") is None:
        yield "lake", None, "empty; load something: retrace ingest FILE"
    else:
        found = count(lake)
        yield "lake", found.balanced, f"{found.totals()['accepted']:,} records accepted, balanced"
    champion = settings.models_dir / "champion" / "manifest.json"
    yield "models", True if champion.exists() else None, str(champion.parent)
    java = shutil.which("java")
    yield "java", True if java else None, f"{java or 'only needed for --engine spark'}"


# The whole loop


@app.command()
def demo(
    lines: Annotated[int, typer.Option(min=500, help="Return lines to simulate.")] = 30_000,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="End after the summary.")] = False,
    home: Home = None,
) -> None:
    """Simulate, ingest, mine, reconcile, train and promote, then serve API and dashboard.

    Example: `retrace demo --lines 5000`
    """
    settings = Settings.load(home)
    started = monotonic()
    _refuse_other_data(settings)
    folder = settings.home / "demo"
    _simulate_once(folder, lines)
    counts = load_paths(settings, [folder / "sources"])
    graph, measured = _mine_demo(settings)
    found = _reconcile_demo(settings)
    reports, decisions = _train_demo(settings)
    key_id, key = new_key(settings, "demo")
    _demo_summary(counts, graph, measured, found, reports, decisions)
    out.print(f"\nDone in {monotonic() - started:.0f} s. API key {key_id} created.")
    if no_serve:
        out.print(
            f"Serve it: retrace serve --home {settings.home}; "
            f"retrace dashboard --home {settings.home}",
            soft_wrap=True,
        )
        return
    _serve_demo(settings, key)


def _refuse_other_data(settings: Settings) -> None:
    from ingestion.lake import Lake

    if Lake(settings.home).version("events") is not None and not (settings.home / "demo").exists():
        raise RetraceError(
            f"{settings.home} already holds other data, and simulated returns would be mixed into "
            "it. Give the demo a home of its own: retrace demo --home DIR"
        )


def _simulate_once(folder: Path, lines: int) -> None:
    """Simulate unless the same lines are already there; the same seed gives the same bytes."""
    import shutil

    from ingestion.simulator import simulate as run

    done = folder / "lines"
    if done.exists():
        if done.read_text() != str(lines):
            raise RetraceError(
                f"{folder} holds a demo of {done.read_text()} lines. Remove {folder.parent} or "
                "give another --home."
            )
        return
    shutil.rmtree(folder, ignore_errors=True)
    with step(f"Simulating {lines:,} return lines") as progress:
        run(folder, lines=lines, seed=1, progress=progress)
    done.write_text(str(lines))


def _mine_demo(settings: Settings) -> tuple[dict[str, Any], dict[str, Any]]:
    from mining import directly_follows_graph, kpis, load

    with progress_bar() as bar:
        bar.add_task("Mining maps and KPIs", total=None)
        log = load(settings.home)
        return directly_follows_graph(log).to_dict(), kpis(log).to_dict()


def _reconcile_demo(settings: Settings) -> dict[str, Any]:
    from mining import reconcile as run

    with progress_bar() as bar:
        bar.add_task("Reconciling WMS, ERP, credits and claims", total=None)
        answer: dict[str, Any] = run(settings.home).to_dict()
        return answer


def _train_demo(settings: Settings) -> tuple[list[Any], list[dict[str, Any]]]:
    from models import promote as promote_one
    from models import train as train_all

    with progress_bar() as bar:
        task = bar.add_task("Training", total=None)
        reports = train_all(settings, progress=told(bar, task))
        decisions = []
        for report in reports:
            bar.update(task, description=f"Promoting: {report.task}")
            decisions.append({"task": report.task, **promote_one(settings, report.task).to_dict()})
    return reports, decisions


def _demo_summary(
    counts: Any,
    graph: dict[str, Any],
    measured: dict[str, Any],
    found: dict[str, Any],
    reports: list[Any],
    decisions: list[dict[str, Any]],
) -> None:
    out.print(
        f"\n[bold]Received[/] {counts.received:,} records = {counts.accepted:,} accepted + "
        f"{counts.duplicate:,} duplicate + {counts.quarantined:,} quarantined (simulated data)"
    )
    out.print(
        f"[bold]Map[/] {graph['cases']:,} cases, {graph['events']:,} events, "
        f"{len(graph['activities'])} activities, {len(graph['edges']):,} edges"
    )
    at_risk = sum(one["value_at_risk"] or 0.0 for one in found["breaks"])
    out.print(
        f"[bold]Reconciled[/] {found['matched']:,} movements match, "
        f"{len(found['breaks']):,} breaks explained, {at_risk:,.0f} at risk "
        "(list them: retrace reconcile)"
    )
    wanted = ["return_cycle_time_controllable", "credit_issuance_time_from_receipt", "posting_lag"]
    rows = [
        [
            k["id"],
            k["site"] or "all",
            k["unit"],
            k["n"],
            f"{k['open_share']:.1%}",
            number(k["p50"]),
            number(k["p90"]),
        ]
        for k in measured["kpis"]
        if k["id"] in wanted
    ]
    table(
        f"KPIs as of {measured['as_of']} (open lines censored)",
        ["kpi", "site", "unit", "n", "open", "p50", "p90"],
        rows,
    )
    for report in reports:
        out.print(f"[bold]Model[/] {escape(_in_words(report))}", highlight=False)
    for decision in decisions:
        verdict = "promoted" if decision["promoted"] else "held"
        because = escape(f"{decision['task']}: {verdict}, {decision['because']}")
        out.print(f"  {because}", highlight=False)


def _in_words(report: Any) -> str:
    """A model's scores beside its best naive baseline, on the last time slice."""
    measure, unit = ("mae", " days") if hasattr(report.scores, "mae") else ("macro_f1", "")
    pick = min if measure == "mae" else max
    name, best = pick(report.baselines.items(), key=lambda item: getattr(item[1], measure))
    said = (
        f"{report.task} {report.version}: {measure} {getattr(report.scores, measure):.3f}{unit} "
        f"(baseline {name} {getattr(best, measure):.3f}{unit}), predictions hold the truth for "
        f"{report.coverage:.1%} (promised {report.promised:.0%})"
    )
    return said if unit else f"{said}, calibration error {report.scores.ece:.3f}"


def _serve_demo(settings: Settings, key: str) -> None:
    """Serve API and dashboard as two processes until interrupted."""
    import subprocess

    from dashboard.launch import command

    api_port, board_port = _free_port(8000), _free_port(8501)
    log = settings.home / "demo" / "api.log"
    api = [sys.executable, "-m", "retrace", "serve", "--home", str(settings.home)]
    signal.signal(signal.SIGTERM, _stop)
    with log.open("w") as api_log:
        running = [
            subprocess.Popen([*api, "--port", str(api_port)], stdout=api_log, stderr=api_log),
            subprocess.Popen(command(settings, board_port), stdout=subprocess.DEVNULL),
        ]
        try:
            _wait_until_ready(f"http://127.0.0.1:{api_port}/readyz", running[0], log)
            _print_addresses(api_port, board_port, key, _any_sku(settings))
            for process in running:
                process.wait()
        except KeyboardInterrupt:
            out.print("Stopping.")
        finally:
            for process in running:
                process.terminate()
            for process in running:
                process.wait(timeout=60)


def _stop(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _print_addresses(api_port: int, board_port: int, key: str, sku: str) -> None:
    line = {
        "return_line_id": "R1:1",
        "site": "DC1",
        "sku": sku,
        "quantity": 1,
        "unit_price": 49.9,
        "condition": "NEW_OPENED",
        "reason_declared": "FULFIL.WRONG_ITEM",
        "note": "wrong item shipped, box opened, ok 2 restk",
    }
    out.print(f"\n[bold]API[/]        http://127.0.0.1:{api_port}/docs")
    out.print(f"[bold]Dashboard[/]  http://127.0.0.1:{board_port}")
    out.print("Ask for advice on a return line:")
    print(
        f"  curl -s -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' "
        f"http://127.0.0.1:{api_port}/v1/recommendations -d '{json.dumps(line)}'"
    )
    print("Ctrl-C ends both.", flush=True)


def _any_sku(settings: Settings) -> str:
    from ingestion.lake import Lake

    rows = Lake(settings.home).connect().execute("select min(sku) from items").fetchall()
    return str(rows[0][0])


def _free_port(wanted: int) -> int:
    """The port, or the next one nobody listens on."""
    import socket

    for port in range(wanted, wanted + 50):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise RetraceError(f"No free port between {wanted} and {wanted + 50}.")


def _wait_until_ready(url: str, process: Any, log: Path) -> None:
    from time import sleep
    from urllib.error import URLError
    from urllib.request import urlopen

    for _ in range(600):
        if process.poll() is not None:
            raise RetraceError(f"The API ended while starting: {log.read_text()[-300:]}")
        try:
            with urlopen(url, timeout=2):
                return
        except (URLError, ConnectionError, TimeoutError):
            sleep(0.2)
    raise RetraceError(f"The API was not ready within two minutes ({url}).")


if __name__ == "__main__":
    main()
