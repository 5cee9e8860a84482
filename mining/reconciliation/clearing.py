"""Why a break is no longer there: what later data says about its records."""

from collections.abc import Mapping
from typing import Any, Final

from mining.reconciliation.findings import Reconciliation
from mining.reconciliation.refused import QUARANTINE

_MONEY: Final = {
    "B15": "Credit, receipt and price agree now.",
    "B16": "The balance the ERP reports is what its postings lead to now.",
    "B17": "The supplier's credit now pays what was claimed, or the claim was taken up again.",
}


class Clearing:
    """Looks up what became of the records of breaks that are gone.

    Parameters
    ----------
    found : Reconciliation
        The one that no longer holds the breaks.
    """

    def __init__(self, found: Reconciliation) -> None:
        self._found = found
        self._rows: dict[str, list[int]] = {}
        self._groups: Any = {}
        self._breaks: dict[str, str] = {}

    def why(self, facts: Mapping[str, Any]) -> str:
        """One sentence on a break that is gone, from the facts it was last found with."""
        if facts["rules"] != self._found.rules:
            return f"Judged by rule set {self._found.rules} now, no longer by {facts['rules']}."
        if not self._rows:
            self._index()
        members = facts["members"]
        others = sorted({self._breaks[one] for one in members if one in self._breaks})
        if others:
            return f"Its records are part of {' and '.join(others)} now."
        if facts["type"] in _MONEY:
            return _MONEY[facts["type"]]
        rows = [row for one in members for row in self._rows.get(one, ())]
        if not rows:
            return "Its records are no longer in the lake: a corrected delivery replaced them."
        return self._agreement(rows)

    def _agreement(self, rows: list[int]) -> str:
        frame = self._found.movements
        groups = sorted({int(frame["group"].iloc[row]) for row in rows})
        together = frame.iloc[[row for group in groups for row in self._groups[group]]]
        ids = {
            side: " and ".join(dict.fromkeys(together.loc[together["side"] == side, "movement_id"]))
            for side in ("left", "right")
        }
        if (together["key"] == QUARANTINE).any():
            return f"ERP {ids['right']} agrees with a refused record that waits in quarantine."
        when = together["recorded_at"].max()
        if not ids["left"]:
            return f"ERP {ids['right']} cancel each other since {when:%Y-%m-%d %H:%M} UTC."
        if not ids["right"]:
            return f"WMS {ids['left']} cancel each other since {when:%Y-%m-%d %H:%M} UTC."
        return f"WMS {ids['left']} and ERP {ids['right']} agree since {when:%Y-%m-%d %H:%M} UTC."

    def _index(self) -> None:
        frame = self._found.movements
        self._groups = frame.groupby("group").indices
        for row, name in enumerate(frame["movement_id"]):
            self._rows.setdefault(name, []).append(row)
        for one in self._found.breaks:
            for member in one.members:
                self._breaks.setdefault(member, f"{one.break_id} ({one.type})")
