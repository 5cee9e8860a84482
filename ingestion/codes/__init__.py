"""Code lists of other systems and their canonical codes: one versioned CSV per list.

A list has the columns ``version`` (of the standard or system the codes come from), ``raw`` and
``canonical``. A known code without a canonical one is kept as it is.
"""

import csv
from functools import cache
from pathlib import Path

from ingestion.errors import BadMapping

FOLDER = Path(__file__).parent


@cache
def read_codes(name: str) -> dict[str, str]:
    """Known raw codes of a list -> canonical code, empty where there is none.

    Raises
    ------
    BadMapping
        No list has this name.
    """
    path = FOLDER / f"{name}.csv"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in FOLDER.glob("*.csv")))
        raise BadMapping(f"No code list is called {name!r}. Known: {known}")
    with path.open(encoding="utf-8", newline="") as file:
        return {row["raw"]: row["canonical"] for row in csv.DictReader(file)}


def canonical_codes(name: str) -> dict[str, str]:
    """The raw codes of a list that have a canonical one."""
    return {raw: canonical for raw, canonical in read_codes(name).items() if canonical}
