"""The answers to be learnt, read from the future of a snapshot; features never come from here."""

import duckdb
import pandas as pd

from ingestion.lake import literal
from ingestion.vocabulary import Activity
from models.facts import read_frame


def inspected_reasons(con: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Reason the first inspection found: ``case_id``, ``answer``, ``answered_at``."""
    return _first(con, "reason", (Activity.A13,))


def decided_dispositions(con: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """First disposition people decided on, or what they overrode the proposal with.

    What a model recommended (A15) is never an answer.
    """
    return _first(con, "disposition", (Activity.A17, Activity.A16))


def _first(
    con: duckdb.DuckDBPyConnection, column: str, activities: tuple[Activity, ...]
) -> pd.DataFrame:
    names = ", ".join(literal(activity.value) for activity in activities)
    preferred = " ".join(
        f"when {literal(activity.value)} then {rank}" for rank, activity in enumerate(activities)
    )
    query = f"""
        select case_id, {column} as answer, coalesce(recorded_at, occurred_at) as answered_at
        from events where activity in ({names}) and {column} is not null
        qualify row_number() over (
            partition by case_id
            order by case activity {preferred} end, occurred_at, source_seq, event_id
        ) = 1
        order by case_id
        """
    return read_frame(con, query)
