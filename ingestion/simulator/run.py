"""One run: wire demand, world and writers together and let the days pass."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import ceil
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import simpy

from ingestion.simulator import network
from ingestion.simulator.alternates import Alternates
from ingestion.simulator.catalogue import Catalogue
from ingestion.simulator.clock import DAY, utc_midnight
from ingestion.simulator.demand import Demand, daily_counts, window_days
from ingestion.simulator.deviations import prepare
from ingestion.simulator.faults import Calamities
from ingestion.simulator.flow import live
from ingestion.simulator.folder import make_room
from ingestion.simulator.happenings import Happenings, scenario_of
from ingestion.simulator.integration import Integration
from ingestion.simulator.journal import Journal, Write
from ingestion.simulator.line import Fact, Line
from ingestion.simulator.native import erp, master, partners, wms, workflow
from ingestion.simulator.native.edi import EdiFiles, states_by_edi
from ingestion.simulator.native.epcis import EpcisFiles
from ingestion.simulator.native.mail import MailFiles
from ingestion.simulator.network import EPCIS_SITE, MAIL_SITE, SITES
from ingestion.simulator.sums import post_sums
from ingestion.simulator.truth import Truth
from ingestion.simulator.world import World, build_world

Progress = Callable[[float], None]
"""Called with the share of the work that is done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run has written."""

    lines: int
    events: int
    records: int
    start: datetime
    end: datetime
    path: Path


class Sources:
    """All writers of ``sources/``, and which one takes which fact."""

    def __init__(
        self, out: Path, *, rng: np.random.Generator, truth: Truth, calamities: Calamities
    ) -> None:
        root = out / "sources"
        self._alternates = Alternates(out, rng=Random(int(rng.integers(1 << 62))))
        self._pairs: dict[tuple[int, int], Write] = {}
        self.orders = master.Orders(root)
        log, scans = workflow.WorkflowLog(root), partners.CarrierScans(root)
        claims, messages = partners.SupplierPortal(root), partners.MiddlewareLog(root)
        movements, credits = erp.MaterialMovements(root), erp.CreditDocuments(root)
        self._writers: list[Any] = [
            self.orders, log, scans, claims, messages, movements, credits,
        ]  # fmt: skip
        self._by_code: dict[str, Write] = {}
        self._by_code.update(dict.fromkeys(workflow.TYPES, log))
        self._by_code.update(dict.fromkeys(partners.SCAN_CODES, scans))
        self._by_code.update(dict.fromkeys(partners.CLAIM_STEPS, claims))
        self._by_code.update(dict.fromkeys(partners.MESSAGE_STEPS, messages))
        self._by_code.update(dict.fromkeys(("E01", "E02", "E08"), movements))
        self._by_code.update(dict.fromkeys(("E03", "E04", "E05", "E06"), credits))
        reserve = erp.ReserveJournal(root)
        self._by_code["E07"] = reserve
        self._writers.append(reserve)
        self._sites: dict[str, tuple[Any, frozenset[str]]] = {}
        for site in SITES:
            chance = Random(int(rng.integers(1 << 62)))
            codes = frozenset(wms.LEGACY_TYPES if site.legacy else wms.MODERN_TYPES)
            writer: Any
            if site.legacy:
                writer = wms.LegacyWms(
                    root, site.code, rng=chance, report=truth.fault, calamities=calamities
                )
            elif site.code == EPCIS_SITE:
                writer = EpcisFiles(root, site.code, rng=chance, report=truth.fault)
            else:
                writer = wms.ModernWms(root, site.code, rng=chance, report=truth.fault)
            self._sites[site.code] = (writer, codes)
            self._writers.append(writer)
        self._mail = MailFiles(
            root, MAIL_SITE, rng=Random(int(rng.integers(1 << 62))), report=truth.fault
        )
        self._edi = EdiFiles(root)
        self._writers += [self._mail, self._edi]

    def route(self, fact: Fact) -> Write | None:
        """The one channel a fact has, its other rendering beside it; none for part of a sum."""
        if fact.values.get("part"):
            return None
        main = self._channel(fact)
        beside = self._alternates.beside(fact)
        if main is None or beside is None:
            return main
        key = (id(main), id(beside))
        if key not in self._pairs:
            self._pairs[key] = _both(main, beside)
        return self._pairs[key]

    def _channel(self, fact: Fact) -> Write | None:
        if fact.site == MAIL_SITE and fact.code == "A13":
            return self._mail
        if states_by_edi(fact):
            return self._edi
        writer = self._by_code.get(fact.code)
        if fact.code == "E08" and fact.values.get("credit"):
            return self._by_code["E05"]
        if writer is not None:
            return writer
        local, codes = self._sites[fact.site]
        return local if fact.code in codes else None

    def close(self) -> None:
        """Close all files."""
        for writer in (*self._writers, self._alternates):
            writer.close()


def _both(first: Write, second: Write) -> Write:
    def write(fact: Fact) -> None:
        first(fact)
        second(fact)

    return write


def simulate(
    out: Path | str,
    *,
    lines: int = 40_000,
    seed: int = 1,
    scenario: str = "baseline",
    progress: Progress | None = None,
) -> Summary:
    """Write five warehouses' native files, and the hidden truth apart.

    Parameters
    ----------
    out : folder; ``sources/``, ``alternates/`` and ``truth/`` are created in it
    lines : return lines to log; fewer shorten the window of arrivals at the base rate
    seed : the same seed gives the same bytes
    scenario : ``baseline``, ``peak``, ``outage`` or ``drift``
    progress : called with the share done, 0 to 1

    Raises
    ------
    UnknownScenario, OccupiedFolder
    """
    out = Path(out)
    story = scenario_of(scenario)
    make_room(out)
    streams = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(6)]
    catalogue_rng, count_rng, line_rng, channel_rng, trouble_rng, story_rng = streams
    span = max(ceil(lines / (network.WEEKLY_LINES * story.volume) * 7), 1)
    first = network.LAST_DAY - timedelta(days=span - 1)
    start = first - timedelta(days=network.WARM_UP_DAYS)
    end_day = network.LAST_DAY + timedelta(days=network.TAIL_DAYS + 1)
    horizon = end_day + timedelta(days=60)
    calamities = Calamities(trouble_rng, start=start, end=horizon, intensity=story.trouble)
    truth = Truth(out / "truth")
    sources = Sources(out, rng=channel_rng, truth=truth, calamities=calamities)
    end = utc_midnight(end_day)
    journal = Journal(end=end, route=sources.route, truth=truth.fact)
    env = simpy.Environment(initial_time=utc_midnight(start))
    integration = Integration(channel_rng, start=start, end=horizon, calamities=calamities)
    catalogue = Catalogue(catalogue_rng)
    happenings = Happenings(
        story_rng, catalogue=catalogue, first=first, last=network.LAST_DAY, scenario=story
    )
    world = build_world(
        env,
        journal,
        integration,
        start=start,
        end=end_day,
        truth=truth,
        calamities=calamities,
        happenings=happenings,
    )
    master.write_master_data(out / "sources", catalogue)
    truth.happenings(happenings.all())
    demand = Demand(catalogue, line_rng, happenings=happenings)
    plan = _plan(count_rng, first=first, lines=lines)
    with _rare_collections():
        _run(
            world,
            demand,
            plan,
            sources=sources,
            truth=truth,
            first=first,
            until=end,
            progress=progress,
        )
    sources.close()
    truth.close()
    return Summary(
        lines=lines,
        events=truth.events,
        records=journal.written,
        start=datetime.fromtimestamp(utc_midnight(first), UTC),
        end=datetime.fromtimestamp(end, UTC),
        path=out,
    )


def _reveal(lines: list[Line], truth: Truth) -> list[Line]:
    """Tell the truth of schemes whose credit is out; keep the suspects still on their way."""
    waiting = []
    for line in lines:
        if line.scheme is not None and "credited" in line.state:
            truth.fraud(line)
        elif "credited" not in line.state:
            waiting.append(line)
    return waiting


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Look for garbage cycles rarely: a run keeps tens of thousands of small objects alive."""
    before = gc.get_threshold()
    gc.set_threshold(200_000, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)


Plan = dict[date, tuple[list[int], bool]]


def _plan(rng: np.random.Generator, *, first: date, lines: int) -> Plan:
    """Lines wanted by day and site, and whether they are only there to fill the queues."""
    window = window_days(first, network.LAST_DAY)
    before = window_days(first - timedelta(days=network.WARM_UP_DAYS), first - timedelta(days=1))
    after = window_days(
        network.LAST_DAY + timedelta(days=1),
        network.LAST_DAY + timedelta(days=network.COOL_DOWN_DAYS),
    )
    plan: Plan = {}
    for days, ghost in ((before, True), (window, False), (after, True)):
        wanted = lines if not ghost else round(network.WEEKLY_LINES * len(days) / 7)
        counts = daily_counts(rng, days=days, lines=wanted)
        for day, row in zip(days, counts.tolist(), strict=True):
            plan[day] = (row, ghost)
    return plan


def _run(
    world: World,
    demand: Demand,
    plan: Plan,
    *,
    sources: Sources,
    truth: Truth,
    first: date,
    until: float,
    progress: Progress | None,
) -> None:
    env = world.env
    begin, total = env.now, until - env.now
    lines: list[Line] = []
    while env.now < until:
        today = datetime.fromtimestamp(env.now, UTC).date()
        counts, ghost = plan.get(today, ([], False))
        if counts:
            for line in demand.lines_of(today, counts, ghost=ghost):
                if not ghost:
                    prepare(world, line)
                    truth.line(line)
                    sources.orders.add(line)
                    lines.append(line)
                env.process(live(world, line))
        env.run(until=min(env.now + DAY, until))
        post_sums(world)
        world.journal.flush(env.now)
        lines = _reveal(lines, truth)
        if today == first:
            for station in world.stations():
                station.forget()
        if today == network.LAST_DAY:
            truth.utilisation(world.stations(), utc_midnight(first) + DAY, env.now)
        if progress is not None:
            progress((env.now - begin) / total)
    for line in lines:
        if line.scheme is not None:
            truth.fraud(line)
