"""The unit-and-money ledger: per return line authorised = received = graded = dispositioned =
credited (= claimed), and the edge of the process map at which each break opened.
"""

from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from mining.engine import DuckDBEngine
from mining.events import process_events
from mining.log import EventLog
from mining.reconciliation.findings import Reconciliation
from mining.reconciliation.lakes import open_facts, to_moment
from mining.reconciliation.policy import Policy
from mining.reconciliation.records import Records
from mining.reconciliation.settlement import claims, three_way

Moment = datetime | date | str
STAGES: Final = ("authorised", "received", "graded", "dispositioned", "credited")
_MOVED: Final = frozenset({"Receive", "Execute disposition"})


@dataclass(frozen=True)
class UnitLedger:
    """Units and money of every return line at each stage.

    Parameters
    ----------
    lines : frame indexed by line
        site, sku, policy, the units of each of ``STAGES`` and claimed (NaN: not there yet), the
        amounts authorised_amount, credited_amount, claimed_amount, supplier_credited, and state:
        "ties", "open" (a stage is still to come) or "gap", with gap_from, gap_to and gap_quantity
        of the first two stages that differ.
    walk : frame
        From one stage to the next (column from, to): units_from, not_yet (units of lines that
        have not reached the next stage), skip (units whose policy needs no receipt: they leave the
        walk), rejoin (and come back to it), fewer, more, units_to.
        units_from - not_yet - skip + rejoin - fewer + more = units_to.
    """

    as_of: datetime
    lines: pd.DataFrame
    walk: pd.DataFrame

    @property
    def ties(self) -> bool:
        """Whether each stage follows from the one before, to the unit."""
        rows = self.walk
        kept = rows["units_from"] - rows["not_yet"] - rows["skip"] - rows["fewer"]
        led_to = kept + rows["rejoin"] + rows["more"]
        return bool(((led_to - rows["units_to"]).abs() < 1e-6).all())


def unit_ledger(
    home_or_log: str | Path | EventLog | None = None,
    *,
    as_of: Moment | None = None,
    policy: Policy | None = None,
) -> UnitLedger:
    """Follow the units and the money of every return line from authorisation to credit.

    Units handled again (refurbished, inspected twice) count once.

    Raises
    ------
    EmptyLake, BadMoment, BadPolicy
    """
    engine, known_us, _ = open_facts(home_or_log, as_of)
    records = Records(engine, known_us)
    policy = policy or Policy.load()
    lines = _lines(records, policy)
    waived = lines["policy"].isin(policy.credit_without_receipt) & lines["received"].isna()
    walk = pd.DataFrame([_step(lines, a, b, waived) for a, b in _pairs()])
    lines = lines.join(_gaps(lines, waived))
    return UnitLedger(as_of=to_moment(known_us), lines=lines, walk=walk)


def _pairs() -> list[tuple[str, str]]:
    return list(pairwise(STAGES))


def _lines(records: Records, policy: Policy) -> pd.DataFrame:
    stages: pd.DataFrame = records.stages().to_pandas().set_index("line").sort_index()
    frame = three_way(records, policy=policy).reindex(stages.index)
    lines: pd.DataFrame = records.lines().to_pandas().set_index("line").reindex(stages.index)
    filed = claims(records).reset_index().groupby("line")
    asked = filed[["quantity", "claimed"]].sum().reindex(stages.index)
    stages["policy"] = lines["policy"]
    stages["authorised"] = lines["authorised"].astype(float)
    stages["credited"] = frame["credited"].astype(float)
    stages["claimed"] = asked["quantity"].astype(float)
    price = frame["unit_price"].fillna(lines["unit_price"]).astype(float)
    stages["authorised_amount"] = stages["authorised"] * price
    stages["credited_amount"] = frame["credited_amount"].astype(float)
    stages["claimed_amount"] = asked["claimed"].astype(float)
    paid = filed["credited"].sum(min_count=1).reindex(stages.index)
    stages["supplier_credited"] = paid.astype(float)
    return stages


def _step(lines: pd.DataFrame, a: str, b: str, waived: "pd.Series[bool]") -> dict[str, Any]:
    """How the units of one stage become those of the next."""
    mine, theirs = lines[a].fillna(0.0), lines[b].fillna(0.0)
    waits = lines[a].notna() & lines[b].isna()
    back = lines[a].isna() & lines[b].notna() & waived
    gap = (theirs - mine).where(~waits & ~back, 0.0)
    return {
        "from": a,
        "to": b,
        "units_from": float(mine.sum()),
        "not_yet": float(mine[waits & ~waived].sum()),
        "skip": float(mine[waits & waived].sum()),
        "rejoin": float(theirs[back].sum()),
        "fewer": float(gap[gap < 0].abs().sum()),
        "more": float(gap[gap > 0].sum()),
        "units_to": float(theirs.sum()),
    }


def _gaps(lines: pd.DataFrame, waived: "pd.Series[bool]") -> pd.DataFrame:
    """State of each line, and its first gap."""
    found = pd.DataFrame(
        {"state": "ties", "gap_from": None, "gap_to": None, "gap_quantity": np.nan},
        index=lines.index,
    )
    reached = lines[list(STAGES)].notna()
    found.loc[~reached["credited"] | (~reached.all(axis=1) & ~waived), "state"] = "open"
    for a, b in reversed(_pairs()):
        differs = (lines[a] - lines[b]).abs() > 1e-9
        found.loc[differs, "state"] = "gap"
        found.loc[differs, "gap_from"] = a
        found.loc[differs, "gap_to"] = b
        found.loc[differs, "gap_quantity"] = (lines[b] - lines[a])[differs]
    return found


def break_edges(
    found: Reconciliation, home_or_log: str | Path | EventLog | None = None
) -> pd.DataFrame:
    """The edge of the process map at which each break opened.

    A break of a movement opened after it, where the counterpart should have followed; a break of a
    posting, credit or claim alone opened on the way into it.

    Returns
    -------
    frame: break_id, type, site, line, value_at_risk, source, target (None: the start or the end of
    the case); breaks whose documents are no event (B16) are left out
    """
    engine, known_us, _ = open_facts(home_or_log, found.as_of)
    rows = [(one.break_id, place, member) for one in found for place, member in _ranked(one)]
    members = pd.DataFrame(rows, columns=["break_id", "place", "member"])
    events = _events_around(engine, known_us)
    events = events[events["member"].isin(members["member"])]
    events["moved"] = events["activity"].isin(_MOVED)
    near = members.merge(events, on="member")
    near = near.sort_values(
        ["break_id", "moved", "place", "at"], ascending=[True, False, True, True]
    )
    near = near.drop_duplicates("break_id").set_index("break_id")
    near["source"] = near["activity"].where(near["moved"], near["before"])
    near["target"] = near["after"].where(near["moved"], near["activity"])
    told = found.frame.set_index("break_id")[["type", "site", "line", "value_at_risk"]]
    return told.join(near[["source", "target"]], how="inner").reset_index()


def _ranked(one: Any) -> list[tuple[int, str]]:
    return list(enumerate(one.members))


def _events_around(engine: DuckDBEngine, known_us: int) -> pd.DataFrame:
    """Every event with a document, what came before it in its case and what after."""
    table = engine.select(
        f"""
    select coalesce(document_id, event_id) as member, activity, occurred_us as at,
        lag(activity) over line as before, lead(activity) over line as after
    from ({process_events("log_events", "document_id", "event_id", "recorded_us")})
    where coalesce(recorded_us, occurred_us) <= {int(known_us)}
    window line as (partition by case_id order by occurred_us, source_seq, event_id)
    """
    )
    frame: pd.DataFrame = table.to_pandas()
    return frame


def edge_totals(edges: pd.DataFrame) -> pd.DataFrame:
    """Breaks and value at risk per edge of the map, the dearest first.

    Returns
    -------
    frame: source, target, breaks, value_at_risk
    """
    grouped = edges.groupby(["source", "target"], dropna=False)
    totals = grouped.agg(breaks=("break_id", "size"), value_at_risk=("value_at_risk", "sum"))
    rows = totals.reset_index().sort_values(
        ["value_at_risk", "breaks", "source", "target"], ascending=[False, False, True, True]
    )
    return rows.reset_index(drop=True)


__all__ = ["STAGES", "UnitLedger", "break_edges", "edge_totals", "unit_ledger"]
