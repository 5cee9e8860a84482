"""What every reader hands over."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ingestion.staging import Refused


def _nothing() -> list[Refused]:
    return []


@dataclass(frozen=True, slots=True)
class Raw:
    """A delivery as the relation ``raw``: text columns under the source's own names.

    Parameters
    ----------
    columns : tuple of str
        Names of the columns of ``raw``, in the source's order.
    refused : callable
        Records the reader could not take; asked once ``raw`` has been read to its end.
    format : str
        ``csv``, ``jsonl``, ``parquet`` or ``xes``.
    """

    columns: tuple[str, ...]
    format: str
    refused: Callable[[], list[Refused]] = field(default=_nothing)
