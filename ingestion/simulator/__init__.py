"""Five simulated warehouses: native files of their systems, and a hidden truth beside them."""

from ingestion.simulator.run import Summary, simulate

__all__ = ["Summary", "simulate"]
