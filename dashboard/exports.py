"""Tables people take away: CSV that a spreadsheet will not execute."""

from __future__ import annotations

import pandas as pd

DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\0")


def to_safe_csv(frame: pd.DataFrame) -> bytes:
    """Write a frame as UTF-8 CSV; text that a spreadsheet would run gets a leading apostrophe.

    Only text is touched, so negative numbers stay numbers (see PITFALLS S3).

    >>> to_safe_csv(pd.DataFrame({"note": ["=1+1", "ok"], "delta": [-1, 2]})).decode()
    "note,delta\\r\\n'=1+1,-1\\r\\nok,2\\r\\n"
    """
    safe = frame.copy()
    for name in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[name]) and not _is_time(safe[name]):
            safe[name] = safe[name].map(_harmless, na_action="ignore")
    safe.columns = pd.Index([_harmless(str(name)) for name in safe.columns])
    return bytes(safe.to_csv(index=False, lineterminator="\r\n").encode("utf-8"))


def _is_time(column: pd.Series) -> bool:
    return pd.api.types.is_datetime64_any_dtype(column)


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(DANGEROUS) else value
