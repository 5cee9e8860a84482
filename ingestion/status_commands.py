"""The command that says what arrived: counters, clocks, messages between systems, the inbox."""

from dataclasses import asdict
from typing import Any

import typer

from ingestion.channels import Channel, channels
from ingestion.clocks import Clock, clocks
from ingestion.console import AsJson, Home, cell, duration, out, print_json, table
from ingestion.errors import RetraceError
from ingestion.inbox import InboxCounts
from ingestion.lake import Lake
from ingestion.settings import Settings
from ingestion.status import Status, Twins, twins
from ingestion.status import status as count

app = typer.Typer()


@app.command()
def status(home: Home = None, as_json: AsJson = False) -> None:
    """Show what arrived per source, site and day, whether it balances, and how it came.

    `retrace status` for people, `retrace status --json` for every day and message channel.
    """
    settings = Settings.load(home)
    lake = Lake(settings.home)
    found, judged, waiting = count(lake), clocks(lake), _inbox(settings)
    alike = twins(lake)
    if as_json:
        print_json(
            found.to_dict()
            | {
                "messages": [channel.to_dict() for channel in channels(lake, by_day=True)],
                "inbox": [asdict(counted) for counted in waiting],
                "clocks": [clock.to_dict() for clock in judged],
                "twins": [asdict(source) for source in alike],
            }
        )
        return
    _show_arrivals(found, judged)
    _show_clocks(judged)
    _show_channels(channels(lake))
    _show_inbox(waiting)
    _show_twins(alike)
    if found.unbalanced:
        raise RetraceError("Not balanced: " + "; ".join(found.unbalanced[:5]))
    out.print(
        "Balanced: received = accepted + duplicate + quarantined, and the lake holds "
        "what was accepted. Per day: --json"
    )


def _inbox(settings: Settings) -> list[InboxCounts]:
    """Counts of the inbox; none while there is no database (it is not created to look)."""
    from ingestion.database import engine
    from ingestion.inbox import counts

    own = settings.home / "retrace.db"
    if settings.database_url == f"sqlite:///{own}" and not own.exists():
        return []
    opened = engine(settings)
    try:
        return counts(opened)
    finally:
        opened.dispose()


def _show_arrivals(found: Status, judged: list[Clock]) -> None:
    times = {(clock.source, clock.site): clock.batch_at for clock in judged}
    by_site: dict[tuple[str, str | None], list[Any]] = {}
    for tally in found.tallies:
        by_site.setdefault((tally.source, tally.site), []).append(tally)
    rows = []
    for (source, site), tallies in by_site.items():
        days = [tally.day for tally in tallies if tally.day]
        sums = [
            sum(getattr(tally, name) for tally in tallies)
            for name in ("received", "accepted", "duplicate", "quarantined")
        ]
        batch = times.get((source, site))
        span = [str(min(days, default="-")), str(max(days, default="-"))]
        stated = f"by the day ({batch:%H:%M})" if batch else "exact" if days else "-"
        rows.append([source, site or "-", len(days), *span, stated, *sums])
    table(
        f"{found.deliveries:,} deliveries",
        [
            *("source", "site", "days", "first day", "last day", "times"),
            *("received", "accepted", "duplicate", "quarantined"),
        ],
        rows,
    )


def _show_clocks(judged: list[Clock]) -> None:
    rows = [
        [
            *(clock.source, clock.site or "-", clock.before_the_fact),
            duration(clock.skew_s),
            ", ".join(f"{off.day} {duration(off.skew_s)}" for off in clock.days_off[:3]) or "-",
            len(clock.days_off),
        ]
        for clock in judged
        if clock.skew_s or clock.days_off
    ]
    if rows:
        columns = ["source", "site", "recorded before it occurred", "clock ahead by"]
        table("Clocks to look at", [*columns, "days off, for example", "days off"], rows)


def _show_channels(interfaces: list[Channel]) -> None:
    if not interfaces:
        return
    rows = [
        [
            *(c.interface, c.site or "-", c.messages, c.failed, c.retried, c.duplicates),
            *(c.dead_lettered, c.posting_errors, f"{c.failure_rate:.2%}"),
            "-" if c.replay_success is None else f"{c.replay_success:.0%}",
            "-" if c.repair_h is None else duration(c.repair_h * 3600),
            *(duration(c.latency_p50_s), duration(c.latency_p95_s)),
        ]
        for c in interfaces
    ]
    table(
        "Messages between systems",
        [
            *("interface", "site", "messages", "failed", "retried", "duplicate", "dead"),
            *("refused", "still failed", "replays ok", "repaired in", "latency p50", "p95"),
        ],
        rows,
    )


def _show_twins(alike: list[Twins]) -> None:
    if alike:
        rows = [[source.source, source.events, source.cases] for source in alike]
        table("Equal lines kept apart", ["source", "beyond the first", "cases concerned"], rows)


def _show_inbox(counted: list[InboxCounts]) -> None:
    if counted:
        names = ["source", "received", "stored", "duplicate", "differing", "waiting"]
        rows = [[cell(value) for value in asdict(entry).values()] for entry in counted]
        table("Inbox", names, rows)
