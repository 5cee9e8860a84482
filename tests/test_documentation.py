"""Every example of the READMEs runs as it stands, or says here why it does not."""

import gzip
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

import retrace
from ingestion.database import engine
from ingestion.settings import Settings
from scoring_api.keys import create_key

ROOT = Path(__file__).resolve().parents[1]
READMES = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(part.startswith(".") or part == "build" for part in path.relative_to(ROOT).parts)
)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

NOT_RUN = {
    "make": "the tests are themselves run by make; the demo would take minutes",
    ". .venv/bin/activate": "the tests run inside an environment already",
    "python benchmarks/": "minutes each; `make bench` runs them",
    "pip install": "installs nothing while testing",
    "docker": "needs a container engine",
    "retrace demo": "tests/test_cli.py and the makefile run it; it trains for minutes",
    "retrace consume": "needs a broker at that address; tests/ingestion/test_broker.py has one",
}
SLOW = ("retrace train", "retrace promote")
SERVED = ("retrace serve", "retrace dashboard", "curl")


def blocks(language):
    """README and text of each fenced block in a language."""
    for path in READMES:
        for found, text in FENCE.findall(path.read_text(encoding="utf-8")):
            if found == language:
                yield path.relative_to(ROOT).as_posix(), text


def commands():
    """README and command line of each console example; continued lines and quotes are joined."""
    for name, text in [*blocks("console"), *blocks("bash"), *blocks("sh")]:
        command, prompted = "", text.startswith("$ ")
        for line in text.splitlines():
            if prompted and not command and not line.startswith("$ "):
                continue  # what the command before it prints
            command += line.removeprefix("$ ")
            try:
                words = shlex.split(command, comments=True)
            except ValueError:  # a quote still open
                command += "\n"
                continue
            if command.endswith("\\"):
                command = command[:-1]
                continue
            if words:
                yield name, command.strip()
            command = ""
        assert not command, f"{name}: an example that does not end: {command}"


COMMANDS = list(commands())


def starting(*beginnings):
    return [(name, line) for name, line in COMMANDS if line.startswith(beginnings)]


def quick():
    for name, line in COMMANDS:
        if not line.startswith((*NOT_RUN, *SLOW, *SERVED)):
            yield pytest.param(line, id=f"{name}: {' '.join(line.split())[:60]}")


@pytest.fixture(scope="module")
def place(tmp_path_factory, trained_home):
    """A working folder as a reader would have it: a trained home, and the files examples name."""
    folder = tmp_path_factory.mktemp("reader")
    shutil.copytree(trained_home, folder / ".retrace")
    (folder / "my-home").symlink_to(folder / ".retrace")
    rows = "R1,Receive,2026-03-02T08:00:00Z\nR1,Finish inspection,2026-03-03T08:00:00Z\n"
    (folder / "log.csv").write_text("case_id,activity,timestamp\n" + rows)
    xes = (
        '<log><trace><string key="concept:name" value="1"/><event><string key="concept:name" '
        'value="a"/><date key="time:timestamp" value="2026-03-02T08:00:00Z"/></event></trace></log>'
    )
    (folder / "log.xes.gz").write_bytes(gzip.compress(xes.encode()))
    (folder / "export").mkdir()
    (folder / "export" / "monday.csv").write_text(
        "rma,line,status,changed_at,qty\n"
        "R7,1,RCV,02/03/2026 09:30,2\nR7,1,INSP,02/03/2026 10:15,2\n"
    )
    return folder


@pytest.fixture
def run(place, monkeypatch, capsys):
    """Run a command line in the reader's folder; its standard output."""
    monkeypatch.chdir(place)

    def call(line, *more):
        words = shlex.split(line, comments=True)
        assert words[0] == "retrace", f"do not know how to run {line!r}: say why in NOT_RUN"
        monkeypatch.setattr(sys, "argv", [*words, *more])
        with pytest.raises(SystemExit) as ended:
            retrace.main()
            raise SystemExit(0)
        said = capsys.readouterr()
        assert not ended.value.code, said.err
        return said.out

    return call


def test_there_are_examples():
    assert len(COMMANDS) > 20
    assert list(blocks("python")) and list(blocks("yaml"))


def test_nothing_is_excused_that_no_readme_says():
    unused = [beginning for beginning in ("make", "python benchmarks/") if not starting(beginning)]
    assert not unused


@pytest.mark.parametrize("line", list(quick()))
def test_a_command_runs_as_it_stands(run, line):
    assert run(line).strip()


def test_the_example_mapping_reads_the_file_it_describes(run, place):
    [(_, text)] = list(blocks("yaml"))[:1]
    (place / "my_wms.yaml").write_text(text)
    assert "retrace ingest export/ --mapping my_wms.yaml" in (ROOT / "README.md").read_text()
    said = run("retrace ingest export/ --mapping my_wms.yaml --home mapped")
    assert "2 accepted, 0 duplicate, 0 quarantined; 0 activities" in " ".join(said.split())


@pytest.mark.parametrize("readme", sorted({name for name, _ in blocks("python")}))
def test_the_python_examples_of_a_readme_run_one_after_the_other(place, monkeypatch, readme):
    monkeypatch.chdir(place)
    known = {"__name__": "readme"}
    for name, text in blocks("python"):
        if name == readme:
            exec(compile(text, readme, "exec"), known)
    assert known.keys() > {"__name__", "__builtins__"}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture
def served(place):
    """Start a serving command on a free port; it is stopped at the end."""
    started = []

    def start(line, path):
        port = free_port()
        words = shlex.split(line, comments=True)[1:]
        code = "from retrace import main; main()"
        log = (place / "served.log").open("w")
        command = [sys.executable, "-c", code, *words, "--port", str(port)]
        started.append((subprocess.Popen(command, cwd=place, stdout=log, stderr=log), log))
        deadline = time.monotonic() + 90
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                    assert answer.status == 200
                    return port
            except (OSError, urllib.error.URLError):
                assert started[-1][0].poll() is None, (place / "served.log").read_text()
                assert time.monotonic() < deadline, (place / "served.log").read_text()
                time.sleep(0.2)

    yield start
    for process, log in started:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()


def test_the_service_starts_and_the_curl_lines_work(place, served):
    [(_, line), *_] = starting("retrace serve")
    asked = starting("curl")
    assert asked
    if not shutil.which("curl"):
        pytest.skip("no curl on this machine")
    port = served(line, "/readyz")
    database = engine(Settings.load(place / ".retrace"))
    key = create_key(database, "reader")[1]
    database.dispose()
    for _, example in asked:
        there = example.replace("127.0.0.1:8000", f"127.0.0.1:{port}")
        done = subprocess.run(
            ["bash", "-c", there.replace("curl ", "curl --fail-with-body ", 1)],
            env={"RETRACE_KEY": key, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert '"disposition"' in done.stdout or '"results"' in done.stdout


def test_the_dashboard_starts(served):
    [(_, line), *_] = starting("retrace dashboard")
    assert served(line, "/_stcore/health")


@pytest.mark.slow
def test_training_and_promotion_run_in_the_order_of_the_readme(run, place, small_home, monkeypatch):
    shutil.copytree(small_home, place / "untrained")
    monkeypatch.setenv("RETRACE_HOME", str(place / "untrained"))
    for _, line in starting(*SLOW):
        assert run(line).strip()
    assert (place / "untrained" / "models" / "champion" / "manifest.json").exists()
