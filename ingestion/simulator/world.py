"""The stage: simulation clock, stations of all sites and of headquarters, and the numbering."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

import simpy

from ingestion.simulator import network
from ingestion.simulator.clock import HOUR, WEEK, Calendar, at_local, days_between
from ingestion.simulator.faults import Calamities
from ingestion.simulator.happenings import Happenings
from ingestion.simulator.integration import Integration, Middleware, posting_date
from ingestion.simulator.journal import Journal
from ingestion.simulator.line import Line
from ingestion.simulator.movement import Movement, Sum
from ingestion.simulator.network import HEADQUARTERS_ZONE, SITES, Site
from ingestion.simulator.notes import Inspectors
from ingestion.simulator.staffing import Station
from ingestion.simulator.truth import Truth

_FREEZE_LAST, _FREEZE_FIRST = 2, 3
_RELIEF: Final = {"dock": 170, "inspection": 42, "put_away": 170, "leads": 90, "bench": 45}
"""Jobs waiting for each person above which temporary staff is called in (a day and a half)."""
_OFFICE_RELIEF: Final = {"CS": 90, "FIN": 60, "MAIL": 200, "APP": 60, "BUY": 300}


@dataclass(frozen=True, slots=True)
class Crew:
    """The stations of one site."""

    dock: Station
    inspection: Station
    leads: Station
    put_away: Station
    bench: Station
    calendar: Calendar


@dataclass(slots=True)
class World:
    """Everything a line meets on its way."""

    env: simpy.Environment
    journal: Journal
    integration: Integration
    middleware: Middleware
    crews: dict[str, Crew]
    customer_service: Station
    clerks: Station
    approvers: Station
    mailroom: Station
    buyers: Station
    office: Calendar
    truth: Truth
    calamities: Calamities
    happenings: Happenings
    notes: Inspectors = field(default_factory=Inspectors)
    last_serials: dict[str, str] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    sums: dict[tuple[object, ...], Sum] = field(default_factory=dict)

    def stations(self) -> list[Station]:
        """Every station of the network."""
        local = [
            station
            for crew in self.crews.values()
            for station in (crew.dock, crew.inspection, crew.leads, crew.put_away, crew.bench)
        ]
        return [
            *local, self.customer_service, self.clerks, self.approvers, self.mailroom, self.buyers,
        ]  # fmt: skip

    def document(self, prefix: str, *, width: int = 8) -> str:
        """The next document number of a series."""
        count = self.counters.get(prefix, 0) + 1
        self.counters[prefix] = count
        return f"{prefix}{count:0{width}d}"

    def post(self, line: Line, movement: Movement, **changes: Any) -> str:
        """Write the ERP document of a movement; the answer is its number."""
        legacy = line.site.legacy
        values: dict[str, Any] = {
            "document": changes.pop("document", None) or self.document("49"),
            "message": None if legacy else movement.message,
            "wms_ref": None if legacy else movement.reference,
            "qty": movement.quantity,
            "amount": movement.quantity * line.item.cost,
            "posting_date": posting_date(movement.entered),
            "status": movement.status,
            "location": movement.location,
            "disposition": movement.disposition,
            "serial": movement.serial,
            "lot": movement.lot,
        }
        values.update(changes)
        code = values.pop("code", movement.code)
        moment = values.pop("at", movement.entered)
        self.journal.add(code, line, moment, actor=values.pop("who", "INTERFACE"), **values)
        document: str = values["document"]
        return document


_PACE: Final = (0.5, 1.8)


def _staff(load_h: float, hours: float, utilisation: float) -> tuple[int, float]:
    """How many people a weekly load needs, and the pace at which they fill their share."""
    people = max(round(load_h / (hours * utilisation)), 1)
    pace = utilisation * people * hours / load_h
    return people, min(max(pace, _PACE[0]), _PACE[1])


def build_world(
    env: simpy.Environment,
    journal: Journal,
    integration: Integration,
    *,
    start: date,
    end: date,
    truth: Truth,
    calamities: Calamities,
    happenings: Happenings,
) -> World:
    """Staff all stations for a run between two days."""
    span = (start, end + timedelta(days=120))
    office = Calendar.of(
        network.HEADQUARTERS_SHIFTS,
        zone=HEADQUARTERS_ZONE,
        start=span[0],
        end=span[1],
        holidays=network.HEADQUARTERS_HOLIDAYS,
    )
    return World(
        env=env,
        journal=journal,
        integration=integration,
        middleware=Middleware(journal),
        crews={site.code: _crew(env, site, span) for site in SITES},
        customer_service=_office_station(env, "CS", office),
        clerks=_office_station(env, "FIN", office),
        approvers=_approvers(env, office, span),
        mailroom=_office_station(env, "MAIL", office),
        buyers=_office_station(env, "BUY", office),
        office=office,
        truth=truth,
        calamities=calamities,
        happenings=happenings,
    )


def _crew(env: simpy.Environment, site: Site, span: tuple[date, date]) -> Crew:
    calendar = Calendar.of(
        site.shifts, zone=site.zone, start=span[0], end=span[1], holidays=site.holidays
    )
    weekly_h = (
        sum(
            (
                at_local(date(2026, 6, 1), end, site.zone)
                - at_local(date(2026, 6, 1), start, site.zone)
            )
            for spells in site.shifts.values()
            for start, end in spells
        )
        / HOUR
    )
    stations = {}
    for kind, utilisation in site.utilisation.items():
        load_h = network.WEEKLY_LINES * site.share * network.LOAD_MINUTES[site.code][kind] / 60
        people, pace = _staff(load_h, weekly_h, utilisation)
        stations[kind] = Station(
            env,
            name=f"{site.code} {kind}",
            people=[f"{site.code}-{kind[:3].upper()}{n + 1:02d}" for n in range(people)],
            calendar=calendar,
            pace=pace,
            relief=_RELIEF[kind],
        )
    return Crew(calendar=calendar, **stations)


def _office_station(env: simpy.Environment, name: str, calendar: Calendar) -> Station:
    load_h = network.WEEKLY_LINES * network.LOAD_MINUTES["HQ"][name] / 60
    people, pace = _staff(load_h, 45.0, network.OFFICE_UTILISATION[name])
    return Station(
        env,
        name=name,
        people=[f"HQ-{name}{n + 1:02d}" for n in range(people)],
        calendar=calendar,
        pace=pace,
        relief=_OFFICE_RELIEF[name],
    )


def _approvers(env: simpy.Environment, office: Calendar, span: tuple[date, date]) -> Station:
    """Two approvers with month-end freeze, each with a holiday fortnight in turn."""
    frozen = freezes(office, span)
    people = [f"HQ-APP{n + 1:02d}" for n in range(network.APPROVERS)]
    absences = {}
    for n, person in enumerate(people):
        away = [
            (
                at_local(day, "00:00", HEADQUARTERS_ZONE),
                at_local(day, "00:00", HEADQUARTERS_ZONE) + WEEK,
            )
            for day in days_between(*span)
            if day.weekday() == 0 and day.isocalendar().week % 13 == 6 + n
        ]
        absences[person] = office.without(frozen + away)
    load_h = network.WEEKLY_LINES * network.LOAD_MINUTES["HQ"]["APP"] / 60
    working = sum(calendar.worked(calendar.closes[-1]) for calendar in absences.values())
    weeks = (span[1] - span[0]).days / 7
    return Station(
        env,
        name="APP",
        people=people,
        calendar=office,
        relief=_OFFICE_RELIEF["APP"],
        pace=network.OFFICE_UTILISATION["APP"] * working / HOUR / weeks / load_h,
        absences=absences,
    )


def freezes(office: Calendar, span: tuple[date, date]) -> list[tuple[float, float]]:
    """Month ends: from the last two to the first three working days, approvals rest."""
    days = sorted({datetime.fromtimestamp(t, HEADQUARTERS_ZONE).date() for t in office.opens})
    spells = []
    for i, day in enumerate(days):
        if i and day.month != days[i - 1].month:
            first = days[max(i - _FREEZE_LAST, 0)]
            last = days[min(i + _FREEZE_FIRST - 1, len(days) - 1)]
            spells.append(
                (
                    at_local(first, "00:00", HEADQUARTERS_ZONE),
                    at_local(last, "00:00", HEADQUARTERS_ZONE) + 24 * HOUR,
                )
            )
    return spells
