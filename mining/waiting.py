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

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from mining.spans import claimed_lengths, pieces, ranges, union

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
OffDuty = Callable[[str, int, int], Ints]
"""(resource, from_us, to_us) -> array of shape (n, 2): when it was off duty in between."""

CAUSES = ("batching", "prioritization", "contention", "unavailability", "extraneous")
_BATCHING, _CONTENTION, _PRIORITY, _AWAY = range(4)
_IN_ORDER_OF_CAUSES = [_BATCHING, _PRIORITY, _CONTENTION, _AWAY]
_CONCURRENT = 0.9
_PAIRS_AT_ONCE = 2_000_000
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
    ordered = instances.sort_values(["case_id", "end_us", "start_us"], kind="stable")
    case = pd.factorize(ordered["case_id"])[0]
    step, names = pd.factorize(ordered["activity"])
    next_too = case[1:] == case[:-1]
    follows = _counted(names, step[:-1][next_too], step[1:][next_too])
    back = (case[2:] == case[:-2]) & (step[2:] == step[:-2]) & (step[1:-1] != step[:-2])
    loops = _counted(names, step[:-2][back], step[1:-1][back])
    found: dict[str, set[str]] = {}
    for (a, b), ab in follows.items():
        ba = follows.get((b, a), 0)
        if a == b or not ba or abs(ab - ba) / (ab + ba + 1) >= _CONCURRENT:
            continue
        loop = loops.get((a, b), 0) + loops.get((b, a), 0)
        if loop / (loop + 1) < _CONCURRENT:
            found.setdefault(a, set()).add(b)
    return {name: frozenset(others) for name, others in found.items()}


def _counted(names: "pd.Index[str]", first: Ints, second: Ints) -> dict[tuple[str, str], int]:
    """How often each pair of activities occurs."""
    pairs, counts = np.unique(first * len(names) + second, return_counts=True)
    return {
        (names[pair // len(names)], names[pair % len(names)]): int(count)
        for pair, count in zip(pairs, counts, strict=True)
    }


def enabling_instances(
    instances: pd.DataFrame, concurrent: Mapping[str, frozenset[str]]
) -> npt.NDArray[np.int64]:
    """Row of the instance that enabled each one, -1 for the first of its case.

    ``instances`` has a RangeIndex.
    """
    enabler = np.full(len(instances), -1, np.int64)
    ordered = instances.sort_values(["case_id", "end_us", "start_us"], kind="stable")
    case = pd.factorize(ordered["case_id"])[0]
    step, names = pd.factorize(ordered["activity"])
    beside = np.array([[b in concurrent.get(a, ()) for b in names] for a in names], bool)
    start, end = ordered["start_us"].to_numpy(), ordered["end_us"].to_numpy()
    row = ordered.index.to_numpy()
    asking = np.arange(1, len(ordered))
    back = 1
    while len(asking):
        asking = asking[asking >= back]
        before = asking - back
        asking, before = (side[case[before] == case[asking]] for side in (asking, before))
        enables = (end[before] <= start[asking]) & ~beside[step[asking], step[before]]
        enabler[row[asking[enables]]] = row[before[enables]]
        asking = asking[~enables]
        back += 1
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
        Columns source_activity, source_resource, source_row, activity, resource, case_id, row,
        enabled_us, start_us, wait_us and one column per cause (``batching_us`` ...), which sum to
        wait_us.
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
        source_row=enabler[enabler >= 0],
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
    waiting = np.flatnonzero(enabled < start)
    if not len(waiting):
        return
    since, until = enabled[waiting].astype(np.int64), start[waiting]
    batched = batch[waiting] >= 0
    formed = since.copy()
    formed[batched] = np.minimum(batch_us[waiting[batched]].astype(np.int64), until[batched])
    away = _NOTHING
    if off_duty is not None:
        away = union(off_duty(resource, int(since.min()), int(until.max())))
    work = np.searchsorted(np.maximum.accumulate(end), since, side="right")
    work_end = np.searchsorted(start, until, side="left")
    off = np.searchsorted(away[:, 1], since, side="right")
    off_end = np.searchsorted(away[:, 0], until, side="left")
    sizes = np.maximum(work_end - work, 0) + np.maximum(off_end - off, 0)
    for some in pieces(sizes, _PAIRS_AT_ONCE):
        who, other = ranges(work[some], work_end[some])
        who += some.start
        inside = batched[who] & (batch[other] == batch[waiting[who]])
        begins = np.where(inside, since[who], formed[who])
        later = known[other] > begins
        itself = other == waiting[who]
        who_off, span = ranges(off[some], off_end[some])
        who_off += some.start
        claimed = claimed_lengths(
            np.concatenate([np.arange(some.start, some.stop), who[~itself], who_off]),
            np.concatenate([since[some], np.maximum(begins, start[other])[~itself], away[span, 0]]),
            np.concatenate([formed[some], end[other][~itself], away[span, 1]]),
            np.concatenate(
                [
                    np.full(some.stop - some.start, _BATCHING),
                    np.where(later, _PRIORITY, _CONTENTION)[~itself],
                    np.full(len(who_off), _AWAY),
                ]
            ),
            within=(since, until),
            ranks=len(CAUSES) - 1,
        )
        found = claimed[some][:, _IN_ORDER_OF_CAUSES]
        rest = (until - since)[some] - found.sum(axis=1)
        parts[mine.index.to_numpy()[waiting[some]]] = np.column_stack([found, rest])
