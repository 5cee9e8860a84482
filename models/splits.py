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


def split(frame: pd.DataFrame, *, by: str = "asked_at", purge: bool = True) -> Slices:
    """Split snapshots by time.

    All lines of one RMA fall into one slice.

    Parameters
    ----------
    frame : columns ``case_id``, ``answered_at`` and the one of ``by`` (UTC)
    by : str
        Column that orders the RMAs. For durations this must be the beginning: ordering by
        anything later sorts long lines into the last slice.
    purge : bool
        Leave out a line whose answer became known only after the next slice had begun: a model
        of that day could not have learnt from it.
    """
    rma = (
        frame["case_id"]
        .str.rpartition(":")[0]
        .where(frame["case_id"].str.contains(":"), frame["case_id"])
    )
    moment = frame[by].groupby(rma.to_numpy()).transform("max")
    order = moment.rank(method="min", pct=True)
    bounds = np.cumsum(list(SHARES.values()))
    number = np.searchsorted(bounds, order.to_numpy() - 1e-12, side="left").clip(max=3)
    starts = moment.groupby(number).min().reindex(range(4))
    following = starts.shift(-1).reindex(number).to_numpy()
    late = np.asarray(purge & (frame["answered_at"].to_numpy() >= following))
    positions = [np.flatnonzero((number == n) & ~late) for n in range(4)]
    fit, tune, calibrate, test = positions
    return Slices(fit, tune, calibrate, test, purged=int(late.sum()))
