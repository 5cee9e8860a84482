"""How to start the dashboard: one command line, the same from any working directory."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ingestion.settings import Settings

APP = Path(__file__).with_name("app.py")
CONFIG = APP.parent.parent / ".streamlit" / "config.toml"


def command(settings: Settings, port: int = 8501, *, host: str = "127.0.0.1") -> list[str]:
    """Return the command that serves the dashboard of one home.

    Parameters
    ----------
    settings : Settings
        Its home is passed on as an argument, so the environment does not matter.
    port : int
    host : str
        Address to listen on; the default answers this machine only.
    """
    flags = [f"--{name}={value}" for name, value in _options(_config())]
    server = [f"--server.port={port}", f"--server.address={host}"]
    home = ["--", "--home", str(settings.home)]
    return [sys.executable, "-m", "streamlit", "run", str(APP), *flags, *server, *home]


def _config() -> dict[str, Any]:
    return tomllib.loads(CONFIG.read_text()) if CONFIG.is_file() else {}


def _options(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _options(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value if isinstance(value, str) else json.dumps(value)
