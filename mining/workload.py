"""The work of a log as a simulation needs it: steps with their order, and the people who do them.

Every step of every line keeps what the log shows of it: which step made it ready, how long work on
it took (time on duty only), and the part of its wait that no queue explains (batching, outsiders,
systems, transport), which it waits again. Queues are not taken over; they have to arise anew.
People who regularly do each other's work form a pool; each is on duty in the spells in which the
log shows work of theirs. Steps a site reports without their hour are not queued for: nobody can
tell how long they stood in a queue.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from ingestion.errors import RetraceError
from mining.delays import SHARED, measured_waits
from mining.log import EventLog, Moment
from mining.offduty import DutyRosters
from mining.spans import ranges

Ints = npt.NDArray[np.int64]
_REGULAR = 0.15


class NoWork(RetraceError):
    """The slice shows nobody at work."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of a pool and when they are on duty: array of shape (n, 2), microseconds."""

    pool: int
    spells: Ints = field(repr=False)


@dataclass(frozen=True)
class Workload:
    """Steps and people of a slice.

    Parameters
    ----------
    steps : frame with columns case_id, site, line_site, activity, batch, batching_us, value,
        before, enabled_us, wait_us, delay_us, work_us, pool, end_us
        ``before``: row of the step that makes it ready, -1 where none of these does;
        ``delay_us``: wait no queue explains; ``pool``: -1 where nobody queues. ``site`` is null for
        offices all sites share.
    pools : frame with columns pool, site, activity
        What each pool does.
    hours : dict
        Pool to the spells in which it may be on duty at all.
    """

    steps: pd.DataFrame = field(repr=False)
    pools: pd.DataFrame = field(repr=False)
    people: list[Person] = field(repr=False)
    hours: dict[int, Ints] = field(repr=False)


def measure_work(
    log: EventLog,
    *,
    site: str | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
) -> Workload:
    """Mine the work of the lines of a site opened in [start, end).

    Raises
    ------
    NoWork, UnknownSite, BadMoment
    """
    waits, rosters = measured_waits(log, site=site, start=start, end=end)
    if waits.empty or not waits["queues"].any():
        raise NoWork("The slice shows no person at work, so there is no queue to simulate.")
    waits = waits.sort_values("row", ignore_index=True)
    waits["line_site"] = waits["site"]
    waits["site"] = waits["site"].where(~waits["owner"].isin(SHARED), None)
    waits["queues"] &= waits["dated_only"] == 0
    pool, pool_by_person, pools = _pools(waits)
    queues = np.isin(pool, list(pool_by_person.values()))
    wait = (waits["start_us"] - waits["enabled_us"]).clip(lower=0)
    unexplained = (waits["batching_us"] + waits["extraneous_us"]).where(queues, wait)
    place = pd.Series(waits.index, index=waits["row"])
    kept = ["case_id", "site", "line_site", "activity", "batch", "batching_us", "value"]
    steps = waits[kept].assign(
        before=waits["source_row"].map(place).fillna(-1).astype("int64"),
        enabled_us=waits["enabled_us"].astype("int64"),
        wait_us=wait.astype("int64"),
        delay_us=unexplained.astype("int64"),
        work_us=_on_duty(waits, rosters),
        pool=np.where(queues, pool, -1),
        end_us=waits["end_us"].astype("int64"),
    )
    horizon = (int(waits["enabled_us"].min()), int(waits["end_us"].max()))
    people: list[Person] = []
    by_pool: dict[int, Ints] = {}
    for name, work in waits[queues].groupby("resource", sort=True):
        number = pool_by_person[str(name)]
        whole = _spells(rosters, str(name), *horizon)
        people.append(Person(number, _seen(whole, work["start_us"], work["end_us"])))
        by_pool.setdefault(number, whole)
    return Workload(steps, pools, people, by_pool)


def _pools(waits: pd.DataFrame) -> tuple[Ints, dict[str, int], pd.DataFrame]:
    """Pool of each step and of each person: jobs that share people who do both regularly."""
    queues = waits["queues"].to_numpy(bool)
    job = waits.astype({"site": object}).groupby(["site", "activity"], dropna=False).ngroup()
    done = pd.DataFrame({"person": waits["resource"], "job": job})[queues]
    counts = done.value_counts().rename("steps").reset_index()
    whole = counts.groupby("person")["steps"].transform("sum")
    regular = counts[counts["steps"] >= _REGULAR * whole]
    label = pd.Series(np.arange(int(job.max()) + 1))
    while True:
        of_person = regular["job"].map(label).groupby(regular["person"]).transform("min")
        least = label.copy()
        least.update(of_person.groupby(regular["job"]).min())
        if least.equals(label):
            break
        label = least
    main = counts.sort_values(["steps", "job"], ascending=[False, True]).groupby("person").first()
    pool_of_step = np.where(queues, job.map(label), -1).astype(np.int64)
    named = waits[queues].assign(pool=pool_of_step[queues])[["pool", "site", "activity"]]
    pools = named.drop_duplicates().sort_values(["pool", "activity"], ignore_index=True)
    return pool_of_step, _by_name(main["job"].map(label)), pools


def _by_name(pools: pd.Series) -> dict[str, int]:
    return {str(name): int(pool) for name, pool in pools.items()}


def _spells(rosters: DutyRosters, person: str, begin: int, end: int) -> Ints:
    off = rosters.off_duty(person, begin, end)
    edges = np.concatenate([[begin], off.ravel(), [end]]).astype(np.int64).reshape(-1, 2)
    return edges[edges[:, 1] > edges[:, 0]]


def _seen(spells: Ints, starts: pd.Series, ends: pd.Series) -> Ints:
    """The spells with some of the person's work."""
    begin, end = np.sort(starts.to_numpy(np.int64)), np.sort(ends.to_numpy(np.int64))
    begun = np.searchsorted(begin, spells[:, 1]) - np.searchsorted(end, spells[:, 0])
    return spells[begun > 0]


def _on_duty(waits: pd.DataFrame, rosters: DutyRosters) -> Ints:
    """Length of each step less the time off duty in it."""
    worked = np.array(waits["end_us"] - waits["start_us"], np.int64)
    long = waits["queues"] & (worked > 2 * 3_600_000_000)
    for person, mine in waits[long].groupby("resource"):
        begin, end = mine["start_us"].to_numpy(np.int64), mine["end_us"].to_numpy(np.int64)
        off = rosters.off_duty(str(person), int(begin.min()), int(end.max()))
        first = np.searchsorted(off[:, 1], begin, side="right")
        last = np.searchsorted(off[:, 0], end, side="left")
        owner, span = ranges(first, last)
        inside = np.minimum(off[span, 1], end[owner]) - np.maximum(off[span, 0], begin[owner])
        away = np.bincount(owner, np.maximum(inside, 0), minlength=len(mine)).astype(np.int64)
        worked[mine.index] -= away
    return np.maximum(worked, 0)
