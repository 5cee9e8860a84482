"""Why work waited: each wait split by cause, and what no cause explains.

An activity instance is *enabled* when the last earlier instance of its case that is not concurrent
with it ends; it waits until it starts. The wait is covered, in this order, by

- **batching**: until the last case of the batch it was worked in was enabled;
- **contention**: its resource worked on something that had been enabled before it;
- **prioritisation**: its resource worked on something enabled after it;
- **unavailability**: its resource was off duty;
- **extraneous**: nothing of the log explains it (transport, a phone call, another system).

The parts sum to the wait. Source: Lashkevich et al. (2023), Why am I waiting? Data-driven analysis
of waiting times in business processes, CAiSE.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
OffDuty = Callable[[str, int, int], Ints]
"""(resource, from_us, to_us) -> array of shape (n, 2): when it was off duty in between."""

CAUSES = ("batching", "prioritization", "contention", "unavailability", "extraneous")
_CONCURRENT = 0.9
_NOTHING: Ints = np.empty((0, 2), np.int64)


def concurrent_activities(instances: pd.DataFrame) -> dict[str, frozenset[str]]:
    """Activities that run beside each other: both orders occur and neither dominates.

    Parameters
    ----------
    instances : frame with columns case_id, activity, start_us, end_us

    Returns
    -------
    dict
        Activity to the activities concurrent with it (heuristic miner's measures at 0.9).
    """
    follows: Counter[tuple[str, str]] = Counter()
    loops: Counter[tuple[str, str]] = Counter()
    ordered = instances.sort_values(["case_id", "end_us", "start_us"], kind="stable")
    for _, names in ordered.groupby("case_id", sort=False)["activity"]:
        trace = names.tolist()
        follows.update(pairwise(trace))
        threes = zip(trace, trace[1:], trace[2:], strict=False)
        loops.update((a, b) for a, b, c in threes if a == c != b)
    found: dict[str, set[str]] = {}
    for (a, b), ab in follows.items():
        ba = follows.get((b, a), 0)
        if a == b or not ba or abs(ab - ba) / (ab + ba + 1) >= _CONCURRENT:
            continue
        loop = loops.get((a, b), 0) + loops.get((b, a), 0)
        if loop / (loop + 1) < _CONCURRENT:
            found.setdefault(a, set()).add(b)
    return {name: frozenset(others) for name, others in found.items()}


def enabling_instances(
    instances: pd.DataFrame, concurrent: Mapping[str, frozenset[str]]
) -> npt.NDArray[np.int64]:
    """Row of the instance that enabled each one, -1 for the first of its case.

    ``instances`` has a RangeIndex.
    """
    enabler = np.full(len(instances), -1, np.int64)
    ordered = instances.sort_values(["case_id", "end_us", "start_us"], kind="stable")
    case, activity = ordered["case_id"].to_numpy(object), ordered["activity"].to_numpy(object)
    start, end = ordered["start_us"].to_numpy(), ordered["end_us"].to_numpy()
    row = ordered.index.to_numpy()
    nobody: frozenset[str] = frozenset()
    for i in range(len(ordered)):
        beside = concurrent.get(activity[i], nobody)
        j = i - 1
        while j >= 0 and case[j] == case[i]:
            if end[j] <= start[i] and activity[j] not in beside:
                enabler[row[i]] = row[j]
                break
            j -= 1
    return enabler


def batches(instances: pd.DataFrame, queues: pd.Series, *, smallest: int) -> npt.NDArray[np.int64]:
    """Number of the batch each instance was worked in, -1 outside any.

    A batch is work of one resource on one activity without a pause, on cases that were all enabled
    before the first of them was begun.
    """
    found = np.full(len(instances), -1, np.int64)
    number = 0
    waited = instances[queues & instances["enabled_us"].notna()].sort_values(["start_us", "end_us"])
    for _, work in waited.groupby(["resource", "activity"], sort=False):
        start, end = work["start_us"].to_numpy(), work["end_us"].to_numpy()
        enabled, rows = work["enabled_us"].to_numpy(), work.index.to_numpy()
        reach = np.maximum.accumulate(end)
        first = 0
        for i in range(1, len(work) + 1):
            if i < len(work) and start[i] <= reach[i - 1] and enabled[i] <= start[first]:
                continue
            if i - first >= smallest and enabled[first] <= start[first]:
                found[rows[first:i]] = number
                number += 1
            first = i
    return found


def split_waits(
    instances: pd.DataFrame,
    *,
    off_duty: OffDuty | None = None,
    smallest_batch: int = 2,
    beside: Mapping[str, frozenset[str]] | None = None,
) -> pd.DataFrame:
    """Split the wait of every activity instance by cause.

    Parameters
    ----------
    instances : frame with columns case_id, activity, resource, start_us, end_us
        One row per activity instance; microseconds. Rows whose optional column ``queues`` is
        False (systems, outsiders) have no resource to wait for: their wait is extraneous.
    off_duty : callable, optional
        When a resource was off duty; None: always on duty.
    smallest_batch : int
        Fewer instances in a row are no batch.
    beside : dict, optional
        Activity to activities known to run beside it, on top of what the log shows.

    Returns
    -------
    frame with a row per instance that was enabled by another
        Columns source_activity, source_resource, activity, resource, case_id, row, enabled_us,
        start_us, wait_us and one column per cause (``batching_us`` ...), which sum to wait_us.
    """
    work = instances.reset_index(drop=True)
    concurrent = concurrent_activities(work)
    for activity, others in (beside or {}).items():
        concurrent[activity] = concurrent.get(activity, frozenset()) | others
    enabler = enabling_instances(work, concurrent)
    ends = work["end_us"].to_numpy(np.float64)
    work["enabled_us"] = np.where(enabler >= 0, ends[np.maximum(enabler, 0)], np.nan)
    queues = work["queues"] if "queues" in work else pd.Series(True, work.index)
    work["batch"] = -1
    work.loc[queues, "batch"] = batches(work, queues, smallest=smallest_batch)[queues]
    batched = work["batch"] >= 0
    last = work[batched].groupby("batch")["enabled_us"].max()
    work["batch_us"] = work["batch"].map(last).where(batched)
    parts = np.zeros((len(work), len(CAUSES)), np.int64)
    for resource, mine in work[queues].groupby("resource", sort=False):
        _split_of_resource(str(resource), mine, parts, off_duty)
    waits = work.assign(**{f"{c}_us": parts[:, n] for n, c in enumerate(CAUSES)})
    waits["wait_us"] = (waits["start_us"] - waits["enabled_us"]).fillna(0).astype("int64")
    waits["extraneous_us"] = waits["extraneous_us"].where(queues, waits["wait_us"])
    sources = work.reindex(enabler[enabler >= 0])
    waits = waits[enabler >= 0]
    return waits.assign(
        row=waits.index,
        source_activity=sources["activity"].to_numpy(object),
        source_resource=sources["resource"].to_numpy(object),
    ).reset_index(drop=True)


def _split_of_resource(
    resource: str, mine: pd.DataFrame, parts: Ints, off_duty: OffDuty | None
) -> None:
    mine = mine.sort_values("start_us", kind="stable")
    start, end = mine["start_us"].to_numpy(np.int64), mine["end_us"].to_numpy(np.int64)
    enabled = mine["enabled_us"].to_numpy(np.float64)
    batch, batch_us = mine["batch"].to_numpy(), mine["batch_us"].to_numpy(np.float64)
    known = np.where(np.isnan(enabled), start, enabled)  # the first of a case: when it came
    longest = int((end - start).max()) if len(mine) else 0
    for i, row in enumerate(mine.index):
        if not enabled[i] < start[i]:
            continue
        since = int(enabled[i])
        low = int(np.searchsorted(start, since - longest, side="left"))
        high = int(np.searchsorted(start, start[i], side="left"))
        near = slice(low, high)
        others = np.flatnonzero(end[near] > since) + low
        others = others[others != i]
        formed = min(int(batch_us[i]), int(start[i])) if batch[i] >= 0 else since
        inside = (batch[others] == batch[i]) & (batch[i] >= 0)
        begins = np.where(inside, since, formed)
        busy = np.stack(
            [np.maximum(begins, start[others]), np.minimum(start[i], end[others])], axis=1
        )
        later = known[others] > begins
        batching = np.array([[since, formed]]) if formed > since else _NOTHING
        contention = _without(_union(busy[~later]), batching)
        taken = _union(np.concatenate([batching, contention]))
        priority = _without(_union(busy[later]), taken)
        taken = _union(np.concatenate([taken, priority]))
        off = _NOTHING if off_duty is None else off_duty(resource, since, int(start[i]))
        away = _without(_union(np.clip(off, since, int(start[i]))), taken)
        found = [_length(batching), _length(priority), _length(contention), _length(away)]
        parts[row] = [*found, int(start[i]) - since - sum(found)]


def _union(spans: Ints) -> Ints:
    """Spans without overlap, sorted."""
    spans = spans[spans[:, 1] > spans[:, 0]]
    if len(spans) < 2:
        return spans
    spans = spans[np.argsort(spans[:, 0], kind="stable")]
    reach = np.maximum.accumulate(spans[:, 1])
    starts = np.flatnonzero(np.concatenate([[True], spans[1:, 0] > reach[:-1]]))
    last = np.concatenate([starts[1:] - 1, [len(spans) - 1]])
    return np.stack([spans[starts, 0], reach[last]], axis=1)


def _without(spans: Ints, holes: Ints) -> Ints:
    """Spans less holes; both sorted and without overlap."""
    if not len(spans) or not len(holes):
        return spans
    edges = np.concatenate([[-(2**62)], holes.ravel(), [2**62]]).reshape(-1, 2)
    low = np.maximum(spans[:, None, 0], edges[None, :, 0])
    high = np.minimum(spans[:, None, 1], edges[None, :, 1])
    kept = np.stack([low, high], axis=-1).reshape(-1, 2)
    return kept[kept[:, 1] > kept[:, 0]]


def _length(spans: Ints) -> int:
    return int((spans[:, 1] - spans[:, 0]).sum())
