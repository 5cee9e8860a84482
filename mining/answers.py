"""Answers kept beside the derived tables, so that the same question costs a file read.

An answer is found by the text of its query (numbers filled in) and by the derivation it was
computed from: new facts in the lake mean another folder, so nothing stale is ever read, and the
folders of former derivations are removed. Only answers that are small are kept.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pyarrow as pa
from pyarrow import ipc

MOST_BYTES = 4 << 20
MOST_ANSWERS = 2_000


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of one derivation.

    Parameters
    ----------
    folder : Path
        Holds one folder per derivation.
    derivation : str
        Everything the answers depend on besides the query.
    arrivals : int
        Delta version of the deliveries: what :meth:`frame` depends on besides, since it may read
        reference tables and counters too.
    """

    folder: Path
    derivation: str
    arrivals: int = -1

    def answer(self, query: str, compute: Callable[[], pa.Table]) -> pa.Table:
        """The rows of a query: as kept, else computed and kept if they are few."""
        path = self._here / f"{_digest(query)}.arrow"
        try:
            with pa.OSFile(str(path)) as file:
                return ipc.open_file(file).read_all()
        except (OSError, pa.ArrowInvalid):
            rows = compute()
        if rows.nbytes <= MOST_BYTES:
            with suppress(OSError):  # a home this user may only read is answered all the same
                self._keep(rows, path)
        return rows

    def frame(self, question: object, compute: Callable[[], pa.Table]) -> pa.Table:
        """What this code computes from all the facts, found by the question's repr."""
        return self.answer(repr((question, self.arrivals, code_digest())), compute)

    @property
    def _here(self) -> Path:
        return self.folder / _digest(self.derivation)

    def _keep(self, rows: pa.Table, path: Path) -> None:
        if not self._here.exists():
            self._here.mkdir(parents=True)
            for former in self.folder.iterdir():
                if former != self._here:
                    shutil.rmtree(former, ignore_errors=True)
        if sum(1 for _ in self._here.iterdir()) >= MOST_ANSWERS:
            return
        with tempfile.NamedTemporaryFile(dir=self._here, delete=False) as file:
            with ipc.new_file(file, rows.schema) as writer:
                writer.write_table(rows)
            written = Path(file.name)
        written.replace(path)


@cache
def code_digest() -> str:
    """Digest of the code, queries and policies that answer: another release asks anew."""
    here = Path(__file__).parent
    sources = sorted(path for path in here.rglob("*.*") if path.suffix in {".py", ".sql", ".yaml"})
    digest = hashlib.sha256()
    for path in sources:
        digest.update(path.relative_to(here).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:32]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
