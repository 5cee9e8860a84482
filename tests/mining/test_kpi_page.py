"""The page of the KPIs says what the registry says."""

from pathlib import Path

from mining.metrics import METRICS
from mining.metrics.page import with_registry

PAGE = Path(__file__).resolve().parents[2] / "mining" / "KPIS.md"


def test_the_page_holds_the_registry_as_it_is():
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_registry(page)
    assert all(f"| `{metric.id}` |" in page for metric in METRICS)


def test_a_page_that_fell_behind_is_noticed():
    page = PAGE.read_text(encoding="utf-8").replace(METRICS[0].formula, "Whatever.")
    assert page != with_registry(page)
