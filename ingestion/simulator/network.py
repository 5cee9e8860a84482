"""The five warehouses and the headquarters: who they are, when they work, how they are staffed.

Every number here is an assumption of the simulator's specification, kept in one place.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from ingestion.simulator.clock import Shifts

WEEKLY_LINES: Final = 3200
"""Return lines a week at the base rate, all sites."""

LAST_DAY: Final = date(2026, 6, 30)
"""The arrivals' window ends with this day."""

TAIL_DAYS: Final = 28
"""The log ends this many days after the last arrival."""

WARM_UP_DAYS: Final = 15
"""Unrecorded lines before the window fill the queues."""

COOL_DOWN_DAYS: Final = 12
"""Unrecorded lines after the window keep the queues as they were."""

_TWO_SHIFTS: Final = (("06:00", "22:00"),)
_ONE_SHIFT: Final = (("07:00", "15:30"),)
_WEEK: Final = ("mon", "tue", "wed", "thu", "fri")

_NATIONAL_HOLIDAYS: Final = (
    date(2024, 11, 28),
    date(2024, 12, 25),
    date(2025, 1, 1),
    date(2025, 5, 26),
    date(2025, 7, 4),
    date(2025, 9, 1),
    date(2025, 11, 27),
    date(2025, 12, 25),
    date(2026, 1, 1),
    date(2026, 5, 25),
    date(2026, 7, 3),
)


@dataclass(frozen=True, slots=True)
class Site:
    """One warehouse.

    ``blind_share`` of its lines arrive without an RMA; ``lead_hours`` are the working hours after
    which a cart of received lines is released to inspection; ``frugal`` is what its leads add to
    the value of scrapping (USD a unit), ``uninspected_share`` goes back on the shelf unseen.
    """

    code: str
    name: str
    region: str
    time_zone: str
    wms: str
    share: float
    shifts: Shifts
    local_holidays: tuple[date, ...]
    b2b_share: float
    blind_share: float
    utilisation: Mapping[str, float]
    carts_h: tuple[float, ...]
    waves_h: tuple[float, ...]
    families: Mapping[str, float]
    scrap_bias: float = 0.0
    uninspected_share: float = 0.004
    decision_noise: float = 1.0
    missing_reason: float = 0.03
    grade_noise: float = 0.16
    posting_sla_h: float = 4.0
    zone: ZoneInfo = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "zone", ZoneInfo(self.time_zone))

    @property
    def legacy(self) -> bool:
        """Whether the site reports by an end-of-day file, without times."""
        return self.wms == "legacy"

    @property
    def holidays(self) -> tuple[date, ...]:
        """National and local holidays."""
        return tuple(sorted({*_NATIONAL_HOLIDAYS, *self.local_holidays}))


SITES: Final[tuple[Site, ...]] = (
    Site(
        code="DC1",
        name="East",
        region="EAST",
        time_zone="America/New_York",
        wms="modern",
        share=0.28,
        shifts={**dict.fromkeys(_WEEK, _TWO_SHIFTS), "sat": [("06:00", "14:00")]},
        local_holidays=(date(2025, 4, 21), date(2026, 4, 20)),
        b2b_share=0.30,
        blind_share=0.03,
        utilisation={
            "dock": 0.78,
            "inspection": 0.80,
            "put_away": 0.74,
            "leads": 0.70,
            "bench": 0.80,
        },
        carts_h=(0.5, 8.0),
        waves_h=(9.0,),
        families={"apparel": 5, "footwear": 4, "home": 4, "kitchen": 4, "beauty": 2},
    ),
    Site(
        code="DC2",
        name="Central",
        region="CENTRAL",
        time_zone="America/Chicago",
        wms="modern",
        share=0.24,
        shifts=dict.fromkeys(_WEEK, _TWO_SHIFTS),
        local_holidays=(date(2025, 3, 3), date(2026, 3, 2)),
        b2b_share=0.45,
        blind_share=0.03,
        utilisation={
            "dock": 0.75,
            "inspection": 0.85,
            "put_away": 0.72,
            "leads": 0.75,
            "bench": 0.88,
        },
        carts_h=(0.5, 8.0),
        waves_h=(9.0,),
        families={"electronics": 5, "computing": 6, "kitchen": 2, "power_tools": 2},
    ),
    Site(
        code="DC3",
        name="West",
        region="WEST",
        time_zone="America/Los_Angeles",
        wms="modern",
        share=0.20,
        shifts={**dict.fromkeys(_WEEK, _TWO_SHIFTS), "sat": _TWO_SHIFTS},
        local_holidays=(date(2025, 3, 31), date(2026, 3, 31)),
        b2b_share=0.40,
        blind_share=0.03,
        utilisation={
            "dock": 0.75,
            "inspection": 0.82,
            "put_away": 0.76,
            "leads": 0.72,
            "bench": 0.80,
        },
        carts_h=(0.5, 8.0),
        waves_h=(9.0,),
        families={"food": 4, "health": 4, "beauty": 3, "home": 2, "apparel": 2},
    ),
    Site(
        code="DC4",
        name="South",
        region="SOUTH",
        time_zone="America/Chicago",
        wms="legacy",
        share=0.16,
        shifts=dict.fromkeys(_WEEK, _ONE_SHIFT),
        local_holidays=(date(2025, 3, 4), date(2026, 2, 17)),
        b2b_share=0.85,
        blind_share=0.12,
        utilisation={
            "dock": 0.78,
            "inspection": 0.93,
            "put_away": 0.8,
            "leads": 0.80,
            "bench": 0.85,
        },
        carts_h=(0.0,),
        waves_h=(1.0,),
        families={"fasteners": 4, "electrical": 4, "plumbing": 3, "power_tools": 3, "kitchen": 1},
        scrap_bias=6.0,
        decision_noise=1.3,
        missing_reason=0.11,
        posting_sla_h=28.0,
    ),
    Site(
        code="DC5",
        name="North",
        region="NORTH",
        time_zone="America/Chicago",
        wms="legacy",
        share=0.12,
        shifts={
            **dict.fromkeys(("mon", "tue", "wed", "thu"), (("07:00", "16:00"),)),
            "fri": [("07:00", "13:00")],
        },
        local_holidays=(date(2025, 10, 13), date(2026, 4, 3)),
        b2b_share=0.80,
        blind_share=0.12,
        utilisation={
            "dock": 0.8,
            "inspection": 0.97,
            "put_away": 0.8,
            "leads": 0.8,
            "bench": 0.90,
        },
        carts_h=(0.0,),
        waves_h=(1.0,),
        families={"spare_parts": 6, "power_tools": 3, "electrical": 2, "plumbing": 1},
        uninspected_share=0.04,
        decision_noise=1.9,
        missing_reason=0.05,
        grade_noise=0.28,
        posting_sla_h=30.0,
    ),
)

SITE_OF: Final[Mapping[str, Site]] = {site.code: site for site in SITES}

EPCIS_SITE: Final = "DC3"
"""The modern site whose partner reports by EPCIS instead of an API of its own."""

MAIL_SITE: Final = "DC5"
"""The site whose supervisor mails inspection outcomes to finance."""

SUMMING_SITE: Final = "DC4"
"""The site whose nightly load posts the transfers of a file summed over lines."""

HEADQUARTERS_ZONE: Final = ZoneInfo("America/New_York")
HEADQUARTERS_SHIFTS: Final[Shifts] = dict.fromkeys(_WEEK, (("08:00", "17:00"),))
HEADQUARTERS_HOLIDAYS: Final = _NATIONAL_HOLIDAYS

OFFICE_UTILISATION: Final[Mapping[str, float]] = {
    "CS": 0.80,
    "FIN": 0.80,
    "APP": 0.90,
    "MAIL": 0.95,
    "BUY": 0.88,
}
APPROVERS: Final = 2

LOAD_MINUTES: Final[Mapping[str, Mapping[str, float]]] = {
    "DC1": {"dock": 3.62, "inspection": 9.89, "put_away": 6.20, "leads": 5.70, "bench": 8.25},
    "DC2": {"dock": 3.73, "inspection": 27.2, "put_away": 6.63, "leads": 5.65, "bench": 25.9},
    "DC3": {"dock": 3.72, "inspection": 8.60, "put_away": 7.57, "leads": 9.83, "bench": 2.83},
    "DC4": {"dock": 3.86, "inspection": 13.9, "put_away": 6.62, "leads": 6.31, "bench": 8.61},
    "DC5": {"dock": 3.81, "inspection": 16.5, "put_away": 6.71, "leads": 5.55, "bench": 24.8},
    "HQ": {"CS": 3.36, "FIN": 3.16, "APP": 0.335, "MAIL": 0.67, "BUY": 1.18},
}
"""Work at natural pace that one requested line causes at each station, measured on a long run."""

APPROVAL_LIMITS: Final = (500.0, 5000.0)
"""USD: above the first an approver signs, above the second the controller too."""


@dataclass(frozen=True, slots=True)
class Carrier:
    """A carrier: its share of parcels, what it damages and loses, and its delivery slots."""

    code: str
    share: float
    damage: float
    short: float
    slot_h: float
    days: float
    scan_delay_h: float = 0.5


CARRIERS: Final[tuple[Carrier, ...]] = (
    Carrier("NORTHLINE", 0.22, 0.006, 0.005, 1.0, 1.00),
    Carrier("BLUEVAN", 0.18, 0.010, 0.008, 2.5, 1.00),
    Carrier("PARCELIO", 0.16, 0.008, 0.025, 4.0, 1.05),
    Carrier("OVERLAND", 0.12, 0.020, 0.010, 3.0, 1.20),
    Carrier("SWIFTBOX", 0.10, 0.004, 0.006, 1.5, 0.90),
    Carrier("TARDIGO", 0.10, 0.015, 0.012, 5.0, 1.25, 16.0),
    Carrier("OWNFLEET", 0.12, 0.003, 0.005, 0.5, 0.50),
)
