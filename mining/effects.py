"""Effects of groups of lines on a number, adjusted for each other, with errors that know clusters.

Lines that stand in the same queue are late together; treating them as independent finds causes in
noise. Errors here allow any dependence inside a cluster (a site's week) and p-values use Student's
t with one degree of freedom per cluster less one.
Sources: Cameron, Miller (2015), A practitioner's guide to cluster-robust inference, J. Human
Resources 50(2); Frisch, Waugh (1933) for the residualised form; Benjamini, Yekutieli (2001), The
control of the false discovery rate in multiple testing under dependency, Annals of Statistics
29(4).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Effects:
    """Estimated effects, all arrays of shape (n_groups,).

    Parameters
    ----------
    effect, error : array
        In the unit of the number explained; standard errors.
    freedom : int
        Degrees of freedom of Student's t.
    """

    effect: Floats
    error: Floats
    freedom: int

    @property
    def p_values(self) -> Floats:
        """Two-sided, of no effect."""
        from scipy.stats import t

        tails: Floats = 2 * t.sf(np.abs(self.effect / self.error), self.freedom)
        return tails

    def half_width(self, coverage: float = 0.95) -> Floats:
        """Half width of an interval of that coverage."""
        from scipy.stats import t

        return np.asarray(self.error * t.ppf((1 + coverage) / 2, self.freedom), float)


def main_effects(
    groups: Floats, outcome: Floats, *, dimension: npt.NDArray[np.str_], nuisance: Floats,
    cluster: Ints,
) -> Effects:  # fmt: skip
    """Effect of each group against the average line, adjusted for all others and the nuisance.

    Within a dimension the groups are collinear with the constant; the solution of least norm is
    taken and each effect then measured against the mean of its dimension, which is the same in all
    solutions.

    Parameters
    ----------
    groups : array of shape (n, n_groups), 0 or 1
    outcome : array of shape (n,)
    dimension : array of shape (n_groups,)
        Groups of one dimension exclude each other.
    nuisance : array of shape (n, k), 0 or 1
        Adjusted for, not reported (the week).
    cluster : array of shape (n,)
    """
    size = groups.shape[1]
    x = _design(groups, nuisance)
    inverse = np.linalg.pinv(x.T @ x, rcond=1e-10, hermitian=True)
    beta = inverse @ (x.T @ outcome)
    sums, number = _cluster_sums(x * (outcome - x @ beta)[:, None], cluster)
    spread = (inverse @ (sums.T @ sums) @ inverse)[1 : size + 1, 1 : size + 1]
    spread *= _few_clusters(number, *x.shape)
    same = np.equal.outer(dimension, dimension)
    against_mean = np.eye(size) - same * groups.mean(axis=0)[None, :]
    variance = np.diag(against_mean @ spread @ against_mean.T)
    return Effects(against_mean @ beta[1 : size + 1], _root(variance), max(number - 1, 1))


def excess_effects(
    pairs: Sequence[tuple[int, int]],
    outcome: Floats,
    *,
    groups: Floats,
    nuisance: Floats,
    cluster: Ints,
) -> Effects:
    """What lines in both groups of a pair add beyond the effects of the two groups.

    Other parameters as in ``main_effects``; every pair is judged alone, beside all ``groups``.
    """
    x = _design(groups, nuisance)
    inverse = np.linalg.pinv(x.T @ x, rcond=1e-10, hermitian=True)
    left = outcome - x @ (inverse @ (x.T @ outcome))
    effects, errors, number = [], [], 0
    for first in range(0, len(pairs), _AT_ONCE):
        one, other = np.array(pairs[first : first + _AT_ONCE], np.int64).T
        own = groups[:, one] * groups[:, other]
        own = own - x @ (inverse @ (x.T @ own))
        length = np.maximum((own**2).sum(axis=0), 1e-9)
        effect = (own.T @ left) / length
        sums, number = _cluster_sums(own * (left[:, None] - own * effect), cluster)
        errors.append(
            _root((sums**2).sum(axis=0) * _few_clusters(number, len(x), x.shape[1] + 1)) / length
        )
        effects.append(effect)
    if not effects:
        return Effects(np.empty(0), np.empty(0), 1)
    return Effects(np.concatenate(effects), np.concatenate(errors), max(number - 1, 1))


def discoveries(p_values: Floats, rate: float) -> Flags:
    """Which to call found so that at most ``rate`` of them are false on average.

    The step-up procedure of Benjamini and Yekutieli, right under any dependence of the tests.

    >>> discoveries(np.array([0.001, 0.2, 0.01, 0.9]), 0.05).tolist()
    [True, False, True, False]
    """
    return np.asarray(p_values <= discovery_limit(p_values, rate))


def discovery_limit(p_values: Floats, rate: float) -> float:
    """The largest p-value ``discoveries`` would accept; 0 where it finds nothing.

    >>> round(discovery_limit(np.array([0.001, 0.2, 0.01, 0.9]), 0.05), 4)
    0.012
    """
    count = len(p_values)
    ranks = np.arange(1, count + 1)
    limits = rate * ranks / (count * (1 / ranks).sum()) if count else np.empty(0)
    passing = np.flatnonzero(np.sort(p_values) <= limits)
    return float(limits[passing[-1]]) if len(passing) else 0.0


def _design(groups: Floats, nuisance: Floats) -> Floats:
    one = np.ones((len(groups), 1))
    centred = [side - side.mean(axis=0) for side in (groups, nuisance)]
    return np.concatenate([one, *centred], axis=1)


def _cluster_sums(scores: Floats, cluster: Ints) -> tuple[Floats, int]:
    """Scores summed inside each cluster, and how many clusters there are."""
    order = np.argsort(cluster, kind="stable")
    begins = np.flatnonzero(np.diff(cluster[order], prepend=cluster.min(initial=0) - 1))
    return np.add.reduceat(scores[order], begins, axis=0), len(begins)


def _few_clusters(clusters: int, lines: int, parameters: int) -> float:
    """Small-sample factor of the clustered variance (Cameron, Miller 2015, section II.B)."""
    return clusters / max(clusters - 1, 1) * (lines - 1) / max(lines - parameters, 1)


def _root(variance: Floats) -> Floats:
    return np.asarray(np.sqrt(np.maximum(variance, 1e-18)), float)
