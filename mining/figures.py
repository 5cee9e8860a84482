"""The figures of a slice, activities as numbers: from runs held in memory, else from the SQL."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mining.cells import SliceCells
from mining.log import EventLog
from mining.runs import Groups

_SECOND = 1e6
_QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95}
Columns = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Figures:
    """What a directly-follows graph is made from.

    Parameters
    ----------
    edges : columns of ``edges.sql``
    activities : columns of ``activity_counts.sql``
    endpoints : columns start_no, end_no, n
    """

    cases: int
    events: int
    cases_with_ties: int
    edges: Columns
    activities: Columns
    endpoints: Columns


def slice_figures(log: EventLog, where: dict[str, int]) -> Figures:
    """Figures of the cases of a slice (integers of ``EventLog.slice``)."""
    cells = log.cells(where)
    return _by_sql(log, where) if cells is None else _by_cells(cells)


def _by_sql(log: EventLog, where: dict[str, int]) -> Figures:
    totals = log.ask("selected_cases", **where).to_pylist()[0]
    edges, activities, endpoints = (
        _columns(log.ask(query, **where)) for query in ("edges", "activity_counts", "endpoints")
    )
    return Figures(
        cases=int(totals["cases"]),
        events=int(totals["events"]),
        cases_with_ties=int(totals["cases_with_ties"]),
        edges=edges,
        activities=activities,
        endpoints=endpoints,
    )


def _columns(rows: pa.Table) -> Columns:
    return {name: rows[name].to_numpy() for name in rows.column_names}


def _by_cells(cells: SliceCells) -> Figures:
    columns = cells.cases
    ends = (columns["start_no"] << 16) | columns["end_no"]
    pairs, counts = np.unique(ends, return_counts=True)
    visits = cells.visits
    return Figures(
        cases=len(ends),
        events=int(columns["events"].sum()),
        cases_with_ties=int((columns["ties"] > 0).sum()),
        edges=_edges(cells.steps, cells.business),
        activities={
            "source": visits.keys >> 16,
            "events": visits.sums(),
            "cases": visits.sizes,
            "rework_cases": visits.repeated(),
        },
        endpoints={"start_no": pairs >> 16, "end_no": pairs & 0xFFFF, "n": counts},
    )


def _edges(steps: Groups, business: Groups) -> Columns:
    first, last = steps.bounds[:-1], steps.bounds[1:] - 1
    sums = steps.sums()
    at = np.searchsorted(steps.keys, business.keys)
    columns: Columns = {
        "source": steps.keys >> 16,
        "target": steps.keys & 0xFFFF,
        "n": steps.sizes,
        "mean_s": sums / steps.sizes / _SECOND,
        "min_s": steps.values[first] / _SECOND,
        "max_s": steps.values[last] / _SECOND,
        "sum_s": sums / _SECOND,
        "stdev_s": steps.deviations() / _SECOND,
    }
    for name, q in _QUANTILES.items():
        columns[f"{name}_s"] = steps.quantile(q) / _SECOND
        worked = np.full(len(steps.keys), np.nan)
        worked[at] = business.quantile(q) / _SECOND
        columns[f"business_{name}_s"] = worked
    return columns
