"""The one family of errors Retrace raises on purpose.

A bad *row* is data and goes to the quarantine; a bad *call* is one of these. Every message says
what happened, with which value, and what to do about it. No status code lives below the API.
"""

import errno
import os


class RetraceError(Exception):
    """Base of every error a caller can act on; the CLI prints it as one line and exits 1."""


class UnreadableFile(RetraceError):
    """The file as a whole cannot be read as the format it claims to be."""

    def __init__(self, path: object, why: str) -> None:
        self.path = str(path)
        self.why = why
        super().__init__(f"{self.path}: {why}")


class UnknownMapping(RetraceError):
    """No mapping fits the file, or the one asked for does not exist."""


class BadMapping(RetraceError):
    """A mapping file contradicts itself or names columns the delivery does not have."""


class HomeIsBusy(RetraceError):
    """Another process is writing to the same home."""

    def __init__(self, home: object) -> None:
        self.home = str(home)
        super().__init__(
            f"Another process is writing to {self.home}. Wait until it has finished and try again."
        )


class HomeNotWritable(RetraceError):
    """A home cannot be made, or nothing can be written to it."""

    def __init__(self, home: object, why: object) -> None:
        self.home = str(home)
        super().__init__(
            f"{self.home} cannot be used as a home ({why}). Choose another one with --home DIR."
        )


class DiskFull(RetraceError):
    """The disk under a home has no space left."""

    def __init__(self, home: object) -> None:
        self.home = str(home)
        super().__init__(
            f"No space is left on the disk of {self.home}. What was loaded before is intact. "
            "Make space and run the same command again."
        )


class OutOfMemory(RetraceError):
    """A file is sound, but this machine has too little memory to read it."""

    def __init__(self, path: object) -> None:
        self.path = str(path)
        super().__init__(
            f"There is too little memory to read {self.path}. What was loaded before is intact. "
            "Free some memory, or split the file, and run the same command again."
        )


def is_disk_full(error: BaseException) -> bool:
    """Whether an error of Python, DuckDB or Delta says that a disk (or a quota) is full."""
    codes = (errno.ENOSPC, errno.EDQUOT)
    known = isinstance(error, OSError) and error.errno in codes
    return known or any(os.strerror(code) in str(error) for code in codes)


class EmptyLake(RetraceError):
    """A question needs events and the home has none."""

    def __init__(self, home: object) -> None:
        self.home = str(home)
        super().__init__(f"{self.home} holds no events yet. Load some first: retrace ingest FILE")
