"""Kaplan-Meier: quantiles of a duration when some have not ended yet.

An open line is known to have lasted at least until now; leaving it out, or counting it as ended,
makes every recent figure too good.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class SurvivalCurve:
    """Share not yet ended after each duration at which something ended.

    Parameters
    ----------
    times : array of shape (n_times,), increasing
    surviving : array of shape (n_times,), share in [0, 1] still open just after each time
    variance : array of shape (n_times,)
        Greenwood's sum, the variance of log(surviving).
    """

    times: Floats
    surviving: Floats
    variance: Floats

    def quantile(self, q: float) -> float | None:
        """Duration by which a share ``q`` has ended; None when the curve does not get there.

        >>> kaplan_meier([1, 2, 3, 4], [True, True, True, True]).quantile(0.5)
        2.0
        """
        reached = np.flatnonzero(self.surviving <= 1 - q + _ROUNDING)
        return float(self.times[reached[0]]) if len(reached) else None


def kaplan_meier(durations: npt.ArrayLike, ended: npt.ArrayLike) -> SurvivalCurve:
    """Estimate how long it takes, open cases counted as open.

    Parameters
    ----------
    durations : array of shape (n,)
        Time to the end, or time watched so far.
    ended : bool array of shape (n,)
        False where the end has not been seen (censored).

    Returns
    -------
    SurvivalCurve
    """
    time = np.asarray(durations, float)
    seen = np.asarray(ended, bool)
    order = np.argsort(time, kind="stable")
    time, seen = time[order], seen[order]
    times, first = np.unique(time, return_index=True)
    at_risk = len(time) - first
    ends = np.add.reduceat(seen.astype(np.int64), first) if len(time) else np.empty(0, np.int64)
    some = ends > 0
    times, at_risk, ends = times[some], at_risk[some], ends[some]
    with np.errstate(divide="ignore"):
        variance = np.cumsum(ends / (at_risk * (at_risk - ends).astype(float)))
    surviving: Floats = np.cumprod(1.0 - ends / at_risk, dtype=np.float64)
    return SurvivalCurve(times, surviving, variance)
