"""How long things take when some have not ended yet, and some ended another way.

An open line is known to have lasted at least until now; leaving it out, or counting it as ended,
makes every recent figure too good. A cancelled line will never be finished; treating it as still
open, or as finished, is wrong as well: it competes, and Aalen-Johansen counts it so.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_ROUNDING = 1e-12
OPEN, FINISHED, ENDED = 0, 1, 2
"""Outcomes of a clock: still running, finished, ended another way."""


@dataclass(frozen=True, slots=True)
class SurvivalCurve:
    """Share not yet finished after each duration at which something finished.

    Parameters
    ----------
    times : array of shape (n_times,), increasing
    surviving : array of shape (n_times,), share in [0, 1] not finished just after each time
    variance : array of shape (n_times,)
        Of ``surviving`` (Greenwood's formula, or its counterpart for competing ends).
    ended : float
        Share that ended another way in the end; quantiles are of the rest.
    """

    times: Floats
    surviving: Floats
    variance: Floats
    ended: float = 0.0

    def quantile(self, q: float) -> float | None:
        """Duration by which a share ``q`` of those that do not end otherwise has finished.

        None when the curve does not get there.

        >>> kaplan_meier([1, 2, 3, 4], [True, True, True, True]).quantile(0.5)
        2.0
        """
        return self._first_below(self.surviving, q)

    def band(self, q: float, *, confidence: float = 0.95) -> tuple[float | None, float | None]:
        """Confidence interval of a quantile; None for an end the data do not bound.

        The durations at which the pointwise log-log band of the curve crosses the level.
        Source: Brookmeyer and Crowley (1982), Biometrics 38(1).
        """
        z = NormalDist().inv_cdf((1 + confidence) / 2)
        inner = (self.surviving > _ROUNDING) & (self.surviving < 1 - _ROUNDING)
        s = np.where(inner, self.surviving, 0.5)
        spread = np.exp(z * np.sqrt(self.variance) / (s * np.abs(np.log(s))))
        lower = np.where(inner, s**spread, self.surviving)
        upper = np.where(inner, s ** (1 / spread), np.nan)
        known = np.maximum.accumulate(np.where(np.isnan(upper), -1, np.arange(len(upper))))
        # at zero the variance is unknown: the band keeps its last known height
        upper = np.where(known >= 0, upper[np.maximum(known, 0)], 1.0)
        return self._first_below(lower, q), self._first_below(upper, q)

    def _first_below(self, curve: Floats, q: float) -> float | None:
        if not len(self.times) or self.ended >= 1 - _ROUNDING:
            return None
        reached = np.flatnonzero(curve <= 1 - q * (1 - self.ended) + _ROUNDING)
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
    return aalen_johansen(durations, np.where(np.asarray(ended, bool), FINISHED, OPEN))


def aalen_johansen(durations: npt.ArrayLike, outcomes: npt.ArrayLike) -> SurvivalCurve:
    """Estimate how long it takes to finish where lines may also end another way.

    Without other ends this is Kaplan-Meier.

    Parameters
    ----------
    durations : array of shape (n,)
        Time to the outcome, or time watched so far.
    outcomes : int array of shape (n,)
        ``OPEN`` (censored), ``FINISHED`` or ``ENDED``.

    Returns
    -------
    SurvivalCurve
        ``surviving`` is 1 minus the cumulative incidence of finishing.

    Source: Marubini and Valsecchi (1995), Analysing Survival Data, chapter 10.
    """
    time, outcome = np.asarray(durations, float), np.asarray(outcomes, np.int64)
    order = np.argsort(time, kind="stable")
    time, outcome = time[order], outcome[order]
    times, first = np.unique(time, return_index=True)
    if not len(times):
        return SurvivalCurve(*(np.empty(0),) * 3)
    at_risk = (len(time) - first).astype(float)
    finished, other = (
        np.add.reduceat((outcome == kind).astype(float), first) for kind in (FINISHED, ENDED)
    )
    running = np.cumprod(1.0 - (finished + other) / at_risk)
    before = np.concatenate([[1.0], running[:-1]])
    ended = float(np.sum(before * other / at_risk))
    share = np.cumsum(before * finished / at_risk) if other.any() else 1.0 - running
    variance = _variance(share, before, at_risk, finished, finished + other)
    seen = finished > 0
    surviving = np.clip(1.0 - share, 0.0, 1.0) if other.any() else running
    return SurvivalCurve(times[seen], surviving[seen], np.maximum(variance[seen], 0.0), ended)


def _variance(share: Floats, before: Floats, n: Floats, finished: Floats, gone: Floats) -> Floats:
    """Of the cumulative incidence: sums over the past, with squares multiplied out."""
    left = n - gone
    weight = np.divide(gone, n * left, out=np.zeros_like(n), where=left > 0)  # nobody left: no term
    step = before * finished / n**2
    spread = (
        share**2 * np.cumsum(weight)
        - 2 * share * np.cumsum(weight * share)
        + np.cumsum(weight * share**2)
    )
    jump = np.cumsum(before**2 * finished * (n - finished) / n**3)
    found: Floats = spread + jump - 2 * (share * np.cumsum(step) - np.cumsum(step * share))
    return found
