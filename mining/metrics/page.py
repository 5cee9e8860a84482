"""The registry as a table for people (``mining/KPIS.md``)."""

from mining.metrics import METRICS, Metric

_BEGIN, _END = "<!-- registry: begin -->", "<!-- registry: end -->"
_BETTER = {"less": "less", "more": "more", "neither": "-"}


def registry_table() -> str:
    """One row per metric, as Markdown."""
    head = "| KPI | unit | one observation is a | formula | what is open | better | owner |"
    rule = "|---|---|---|---|---|---|---|"
    return "\n".join([head, rule, *map(_row, METRICS)])


def _row(metric: Metric) -> str:
    cells = (
        f"`{metric.id}`",
        metric.unit,
        metric.grain,
        metric.formula,
        metric.censoring,
        _BETTER[metric.better],
        metric.owner,
    )
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def with_registry(page: str) -> str:
    """A page with the table between its two marks made anew."""
    before, rest = page.split(_BEGIN)
    after = rest.split(_END)[1]
    return f"{before}{_BEGIN}\n{registry_table()}\n{_END}{after}"
