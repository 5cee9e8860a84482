"""The offer of the source code that the AGPL asks for."""

import io
import os
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OFFERED = (
    "ingestion",
    "mining",
    "models",
    "scoring_api",
    "dashboard",
    "notebooks",
    "benchmarks",
    "tests",
    "retrace.py",
    "pyproject.toml",
    "requirements.lock",
    "Makefile",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    ".streamlit",
)
_LEFT_OUT = ("__pycache__", ".pyc")


def source_url(default: str = "/source") -> str:
    """Where users find the source: ``RETRACE_SOURCE_URL``, else the running service itself."""
    return os.environ.get("RETRACE_SOURCE_URL", default)


def source_archive() -> bytes:
    """The running source as a gzipped tar archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name in OFFERED:
            if (ROOT / name).exists():
                archive.add(ROOT / name, arcname=f"retrace/{name}", filter=_only_source)
    return buffer.getvalue()


def _only_source(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return None if member.name.endswith(_LEFT_OUT) else member
