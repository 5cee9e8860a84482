"""Fixtures every test may use: the shared public data, simulated returns, homes made from them."""

import os
from pathlib import Path

import pytest
from filelock import FileLock

from ingestion.settings import Settings

SHARED = Path(__file__).resolve().parents[1] / ".." / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the public test data; tests skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("public test data not present (../shared/data)")
    return SHARED.resolve()


@pytest.fixture(autouse=True)
def _no_home_from_outside(monkeypatch):
    for name in ("RETRACE_HOME", "RETRACE_DATABASE_URL", "RETRACE_PSEUDONYMISE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def settings(tmp_path) -> Settings:
    """An empty home."""
    return Settings.load(tmp_path / "home")


def _once(tmp_path_factory, worker_id, name, build) -> Path:
    """Build a folder once per test run, whatever the number of worker processes."""
    root = tmp_path_factory.getbasetemp()
    root = root if worker_id == "master" else root.parent
    folder = root / name
    with FileLock(root / f"{name}.lock"):
        if not (root / f"{name}.done").exists():
            build(folder)
            (root / f"{name}.done").touch()
    return folder


@pytest.fixture(scope="session")
def worker() -> str:
    return os.environ.get("PYTEST_XDIST_WORKER", "master")


@pytest.fixture(scope="session")
def sim_dir(tmp_path_factory, worker) -> Path:
    """2,000 simulated return lines: ``sources/``, ``alternates/`` and ``truth/``."""
    from ingestion.simulator import simulate

    return _once(tmp_path_factory, worker, "sim", lambda out: simulate(out, lines=2_000, seed=1))


@pytest.fixture(scope="session")
def small_home(tmp_path_factory, worker, sim_dir) -> Path:
    """A home with those lines ingested. Do not write to it."""
    from ingestion.intake import ingest

    return _once(
        tmp_path_factory,
        worker,
        "small_home",
        lambda home: ingest(Settings.load(home), [sim_dir / "sources"]),
    )


@pytest.fixture(scope="session")
def trained_home(tmp_path_factory, worker, small_home) -> Path:
    """A copy of that home with every model trained and promoted. Do not write to it."""
    import shutil

    from models import promote, train

    def build(home: Path) -> None:
        shutil.copytree(small_home, home)
        for report in train(Settings.load(home)):
            promote(Settings.load(home), report.task)

    return _once(tmp_path_factory, worker, "trained_home", build)
