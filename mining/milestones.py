"""What every metric is computed from: one row per line, made once per question.

Times are float64 microseconds, NaN where a stage was not reached; those of sites that report
without times are estimates (see ``mining.debatching``).
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from ingestion.vocabulary import Activity
from mining.debatching import DayWindows, day_windows
from mining.engine import fetch_frame
from mining.judgement import conformance
from mining.log import EventLog, calendars_of
from mining.reconciliation import Reconciliation, reconcile
from mining.reconciliation.lags import movement_lags
from mining.worktime import SiteHours

Slice = dict[str, int]
BY_WAREHOUSE = ("arrived_us", "received_us", "begun_us", "inspected_us", "executed_us")
"""Stages a warehouse reports; at an end-of-day site they are known to the day."""

_TEXTS = (
    *("declared_reason", "inspected_reason", "first_condition", "recommended"),
    *("first_decided", "last_decided", "last_executed", "eligible_until", "answer"),
)


@dataclass(frozen=True)
class Findings:
    """What rules and reconciliation say about a whole log, asked once (DuckDB only)."""

    log: EventLog = field(repr=False)

    @cached_property
    def violations(self) -> pd.DataFrame:
        """Rules the log's lines break: columns rule, case_id ..."""
        return conformance(self.log).violations

    @cached_property
    def reconciliation(self) -> Reconciliation:
        """What adds up between the books, and what does not."""
        return reconcile(self.log)


@dataclass(frozen=True)
class Milestones:
    """The lines of a slice of a log, with what they went through; each table is made once."""

    log: EventLog = field(repr=False)
    where: Slice

    @classmethod
    def of(cls, log: EventLog, where: Slice) -> "Milestones":
        """Those of a slice, shared by all that asks the log."""
        return log.share(("milestones", *where.values()), lambda: cls(log, where))

    @property
    def as_of_us(self) -> float:
        return float(self.log.as_of_us)

    @cached_property
    def findings(self) -> Findings:
        """Those of the whole log, whatever the slice."""
        return self.log.share(("findings",), lambda: Findings(self.log))

    @cached_property
    def hours(self) -> SiteHours:
        """Working hours of the sites."""
        return SiteHours({calendar.site: calendar for calendar in calendars_of(self.log.engine)})

    @cached_property
    def windows(self) -> DayWindows:
        """When events known to the day only may have happened; makes ``spread_events``."""
        return day_windows(self.log)

    @cached_property
    def lines(self) -> pd.DataFrame:
        """Index case_no; columns of slice_cases, line_milestones, line_fates, line_money (SQL)."""
        engine = self.log.engine
        cases = fetch_frame(engine, "slice_cases", **self.where).set_index("case_no")
        if not {activity.value for activity in Activity} & set(self.log.activities.values()):
            cases = cases.iloc[:0]  # not a log of returns
        _ = self.windows
        engine.create("sum_parts", "sum_parts")
        engine.create("line_events", "line_events", **_only(self.where))
        sheets: list[pd.DataFrame | pd.Series[Any]] = [
            fetch_frame(engine, name).set_index("case_no")
            for name in ("line_milestones", "line_fates", "line_money")
        ]
        engine.drop("line_events", "sum_parts")
        lines = cases.join(sheets)
        lines["site"] = self._site_names(lines.pop("site_no"))
        numbers = [name for name in lines if name not in {"case_id", "site", *_TEXTS}]
        return lines.astype(dict.fromkeys(numbers, "float64") | dict.fromkeys(_TEXTS, object))

    @cached_property
    def movements(self) -> pd.DataFrame:
        """Warehouse movements: site, opened_us, moved_us, dated, value, entered_us."""
        _ = self.windows
        engine = self.log.engine
        engine.create("sum_parts", "sum_parts")
        engine.create("postings", "postings")
        rows = fetch_frame(engine, "movement_lags", **self.where)
        engine.drop("postings", "sum_parts")
        times = ["opened_us", "moved_us", "entered_us", "value", "dated"]
        return rows.astype(dict.fromkeys(times, "float64") | {"site": object})

    @cached_property
    def messages(self) -> pd.DataFrame:
        """Middleware messages: case_id, site, opened_us, when produced, failed, replayed ..."""
        rows = fetch_frame(self.log.engine, "messages", **self.where)
        rows["site"] = self._site_names(rows.pop("site_no"))
        texts = {"case_id", "site", "message_id", "message_case"}
        return rows.astype({name: "float64" for name in rows if name not in texts})

    @cached_property
    def reconciled_movements(self) -> pd.DataFrame:
        """Movements of the slice's lines: site, opened_us, match_h, late_h, matched, worth."""
        rows = movement_lags(self.findings.reconciliation)
        opened = self.lines.set_index("case_id")["opened_us"]
        rows["opened_us"] = rows["line"].map(opened)
        return rows[rows["opened_us"].notna()]

    def bounds(self, lines: pd.DataFrame, stage: str) -> tuple[pd.Series, pd.Series]:
        """First and last moment at which each line may have reached a stage."""
        moments = lines[stage]
        if stage not in BY_WAREHOUSE and stage != "moved_us":
            return moments, moments
        low, high = self.windows.bounds(lines["site"], moments)
        dated = lines["dated"] > 0
        return low.where(dated, moments), high.where(dated, moments)

    def _site_names(self, numbers: pd.Series) -> pd.Series:
        names = {number: site for site, number in self.log.sites.items()}
        return numbers.map(names).astype(object)


def _only(where: Slice) -> Slice:
    return {name: where[name] for name in ("site", "from_us", "to_us")}
