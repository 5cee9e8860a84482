"""The folder a run writes to: an earlier run in it is replaced, anything else is left alone."""

import shutil
from pathlib import Path
from typing import Final

from ingestion.errors import RetraceError

PARTS: Final = ("sources", "alternates", "truth")
_MARK: Final = Path("truth") / "lines.csv"


class OccupiedFolder(RetraceError):
    """The folder holds files that no simulation has written."""

    def __init__(self, out: Path) -> None:
        self.out = out
        found = "is a file" if out.is_file() else f"holds other files in {' or '.join(PARTS)}"
        super().__init__(f"{out} {found}. Name an empty folder.")


def make_room(out: Path) -> None:
    """Create the folder, or remove what an earlier simulation has left in it.

    Raises
    ------
    OccupiedFolder
    """
    if out.exists() and not out.is_dir():
        raise OccupiedFolder(out)
    out.mkdir(parents=True, exist_ok=True)
    occupied = [out / part for part in PARTS if (out / part).exists()]
    if occupied and not (out / _MARK).is_file():
        raise OccupiedFolder(out)
    for part in occupied:
        shutil.rmtree(part)
