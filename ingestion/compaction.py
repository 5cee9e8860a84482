"""Keeping a home small: few large files in the lake, no bodies of messages long in it.

What was pulled from elsewhere goes after a while too; then it can no longer be read again with
another mapping.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from ingestion.database import engine as open_engine
from ingestion.inbox import prune
from ingestion.intake import utc_now
from ingestion.lake import Lake
from ingestion.schema import TABLES
from ingestion.session import purge_unfinished
from ingestion.settings import Settings


@dataclass(frozen=True, slots=True)
class Compacted:
    """What a compaction did: files joined and deleted in the lake, messages and pulled files."""

    files_joined: int
    files_deleted: int
    messages_pruned: int
    pulled_deleted: int

    def to_dict(self) -> dict[str, int]:
        return asdict(self)


def compact(
    settings: Settings,
    *,
    keep_hours: float = 24.0,
    keep_days: float = 90.0,
    now: Callable[[], datetime] = utc_now,
    progress: Callable[[float], None] = lambda _share: None,
) -> Compacted:
    """Join and clear up, one table after the other; the facts stay what they are.

    Parameters
    ----------
    keep_hours : float
        Replaced files of the lake stay this long, for readers that still have them open.
    keep_days : float
        Bodies of sealed messages and pulled files stay this long.

    Raises
    ------
    HomeIsBusy
        Another process is writing to the lake.
    """
    lake = Lake(settings.home)
    joined = deleted = 0
    with lake.writing():
        purge_unfinished(lake)
        for number, table in enumerate(TABLES, start=1):
            fewer, gone = lake.compact(table, keep_hours=keep_hours)
            joined, deleted = joined + fewer, deleted + gone
            progress(number / len(TABLES))
        pulled = _delete_pulled(settings, now() - timedelta(days=keep_days))
    engine = open_engine(settings)
    try:
        pruned = prune(engine, before=now() - timedelta(days=keep_days))
    finally:
        engine.dispose()
    return Compacted(joined, deleted, pruned, pulled)


def _delete_pulled(settings: Settings, before: datetime) -> int:
    old = [
        file
        for file in (settings.home / "pulled").glob("*/*")
        if file.suffix in {".parquet", ".eml"} and file.stat().st_mtime < before.timestamp()
    ]
    for file in old:
        file.unlink()
    return len(old)
