"""Cut history into four slices, in time and by whole returns: fit, tune, calibrate, test."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.arrays import Ints

SHARES = {"fit": 0.60, "tune": 0.10, "calibrate": 0.15, "test": 0.15}
PURGED = "purged"


@dataclass(frozen=True, slots=True)
class Slices:
    """Row positions of each slice; ``purged`` rows belong to none."""

    fit: Ints
    tune: Ints
    calibrate: Ints
    test: Ints
    purged: int


def split(frame: pd.DataFrame) -> Slices:
    """Split snapshots by the time they were taken.

    All lines of one RMA fall into one slice. A line whose answer became known only after the
    next slice had begun is left out: a model of that day could not have learnt from it.

    Parameters
    ----------
    frame : columns ``case_id``, ``asked_at`` and ``answered_at`` (UTC)
    """
    rma = (
        frame["case_id"]
        .str.rpartition(":")[0]
        .where(frame["case_id"].str.contains(":"), frame["case_id"])
    )
    moment = frame["asked_at"].groupby(rma.to_numpy()).transform("max")
    order = moment.rank(method="min", pct=True)
    bounds = np.cumsum(list(SHARES.values()))
    number = np.searchsorted(bounds, order.to_numpy() - 1e-12, side="left").clip(max=3)
    starts = moment.groupby(number).min().reindex(range(4))
    following = starts.shift(-1).reindex(number).to_numpy()
    late = pd.Series(frame["answered_at"].to_numpy() >= following).fillna(False).to_numpy()
    positions = [np.flatnonzero((number == n) & ~late) for n in range(4)]
    fit, tune, calibrate, test = positions
    return Slices(fit, tune, calibrate, test, purged=int(late.sum()))
