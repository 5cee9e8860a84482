"""Simulated folders of sizes that only the simulator's own tests need."""

from pathlib import Path

import pytest
from filelock import FileLock

from ingestion.simulator import simulate


@pytest.fixture(scope="session")
def forty_thousand(tmp_path_factory, worker) -> Path:
    """40,000 simulated lines, made once for all worker processes. Do not write to it."""
    root = tmp_path_factory.getbasetemp()
    root = root if worker == "master" else root.parent
    folder, done = root / "forty_thousand", root / "forty_thousand.done"
    with FileLock(root / "forty_thousand.lock"):
        if not done.exists():
            simulate(folder, lines=40_000, seed=1)
            done.touch()
    return folder
