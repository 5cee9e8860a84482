"""The metric registry: each metric's meaning stands beside the code that observes it."""

from mining.metrics import claims, clocks, dwell, exceptions, integration, money, quality
from mining.metrics.metric import FIGURES, Metric

METRICS: tuple[Metric, ...] = (
    *clocks.METRICS,
    *dwell.METRICS,
    *quality.METRICS,
    *exceptions.METRICS,
    *money.METRICS,
    *claims.METRICS,
    *integration.METRICS,
)

__all__ = ["FIGURES", "METRICS", "Metric"]
