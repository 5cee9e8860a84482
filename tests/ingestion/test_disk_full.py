"""No space left: one clear sentence, nothing corrupt, and the same call completes later."""

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from ingestion.database import engine, writing
from ingestion.errors import DiskFull, OutOfMemory
from ingestion.inbox import Message, counts, store
from ingestion.intake import ingest
from ingestion.lake import Lake
from ingestion.settings import Settings
from ingestion.status import status

RETRACE = [sys.executable, "-c", "from retrace import main; main()"]
COLUMNS = {"case": "case", "activity": "activity", "time": "time"}
NAMES = [word for name in COLUMNS for word in (f"--{name}", name)]
ROWS = 40_000


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """A log whose rows do not compress: a few megabytes in the lake."""
    path = tmp_path_factory.mktemp("log") / "log.csv"
    lines = (f"{n % 5000},step {n % 9},2024-01-01,{os.urandom(90).hex()}" for n in range(ROWS))
    path.write_text("case,activity,time,note\n" + "\n".join(lines) + "\n")
    return path


@pytest.fixture
def small_disk(tmp_path):
    """A file system of a few megabytes, grown by ``more_space``; needs the right to mount."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if os.geteuid() or not shutil.which("mount"):
        pytest.skip("mounting a small file system needs root")
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let us mount a small file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def more_space(folder, size="200m"):
    subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=True)


def run(home, *arguments, **how):
    return subprocess.run(
        [*RETRACE, *map(str, arguments), "--home", str(home)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        **how,
    )


def events(home):
    [[count]] = Lake(home).connect().execute("select count(*) from events").fetchall()
    return count


def assert_refused_in_one_sentence(done):
    assert done.returncode == 1, done.stdout + done.stderr
    *_, said = done.stderr.strip().splitlines()
    assert said.startswith("Error: "), done.stderr
    assert "Traceback" not in done.stderr
    assert "space" in said.lower(), said


def test_a_full_disk_is_one_sentence_and_the_same_command_completes_later(
    small_disk, log, tmp_path
):
    home = small_disk / "home"
    before = tmp_path / "before.csv"
    before.write_text("case,activity,time\n" + "1,a,2024-01-01\n" * 3)
    assert run(home, "ingest", before, *NAMES).returncode == 0
    assert_refused_in_one_sentence(run(home, "ingest", log, *NAMES))
    assert events(home) == 3
    assert status(Lake(home)).balanced
    more_space(small_disk)
    assert run(home, "ingest", log, *NAMES).returncode == 0
    assert events(home) == ROWS + 3
    assert status(Lake(home)).balanced
    assert Lake(home).unfinished() == []


def test_wherever_space_ends_nothing_of_the_delivery_is_seen(small_disk, log):
    """The disk is filled up so that the load fails while staging, writing rows or committing."""
    settings = Settings.load(small_disk / "home")
    small = small_disk / "small.csv"
    small.write_text("case,activity,time\n" + "\n".join(f"{n},a,2024-01-01" for n in range(300)))
    more_space(small_disk, "24m")
    failed = 0
    for room in [0, 8, 24, 64, 200, 2000]:
        ballast = small_disk / "ballast"
        ballast.write_bytes(b"\0" * max(0, shutil.disk_usage(small_disk).free - room * 1024))
        try:
            ingest(settings, [small, log.parent], **COLUMNS)
        except DiskFull as error:
            failed += 1
            assert str(settings.home) in str(error)
        finally:
            ballast.unlink()
        assert events(settings.home) in {0, 300}
        assert status(Lake(settings.home)).balanced
    assert failed == 6
    more_space(small_disk)
    ingest(settings, [small, log.parent], **COLUMNS)
    assert events(settings.home) == ROWS + 300
    assert status(Lake(settings.home)).balanced


def test_a_full_disk_under_the_inbox_refuses_and_keeps_what_was_acknowledged(small_disk):
    settings = Settings.load(small_disk / "home")
    database = engine(settings)
    now = datetime(2026, 6, 30, tzinfo=UTC)
    acknowledged = []
    with pytest.raises(Exception, match=r"(?i)full"):
        for number in range(1000):
            batch = [Message("/s", f"{number}-{n}", "webhook", os.urandom(4096)) for n in range(10)]
            with writing(database) as connection:
                store(connection, batch, now=now)
            acknowledged += batch
    [count] = counts(database)
    assert count.stored == len(acknowledged) > 0
    more_space(small_disk)
    with writing(database) as connection:
        again = store(connection, [*acknowledged[-10:], *batch], now=now)
    assert again == [False] * 10 + [True] * 10
    database.dispose()


def test_too_little_memory_is_no_fault_of_the_file(log, tmp_path, monkeypatch):
    """It is not quarantined; with memory the same call completes."""
    settings = Settings.load(tmp_path / "home")
    with monkeypatch.context() as small:
        small.setattr("ingestion.session.MEMORY", "8MB")
        with pytest.raises(OutOfMemory, match="too little memory to read"):
            ingest(settings, [log.parent], **COLUMNS)
    assert Lake(settings.home).version("quarantine") is None
    again = ingest(settings, [log.parent], **COLUMNS)
    assert (again.accepted, again.quarantined) == (ROWS, 0)
