"""The mining benchmark compares answers before it prints a figure, and resumes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


def run(folder, *words):
    command = [sys.executable, str(ROOT / "benchmarks" / "mining.py"), "--events", "20000"]
    return subprocess.run(
        [*command, "--folder", str(folder), *words], capture_output=True, text=True, check=False
    )


def test_it_resumes_and_refuses_figures_where_answers_differ(tmp_path):
    pytest.importorskip("polars")
    first = run(tmp_path, "--against", "polars")
    assert first.returncode == 0, first.stderr
    assert "all answers equal" in first.stdout
    path = tmp_path / "polars.json"
    result = json.loads(path.read_text())
    result["answers"]["edges"][0][2] += 1
    path.write_text(json.dumps(result))
    second = run(tmp_path, "--against", "polars")
    assert second.returncode == 1
    assert "the answers to 'edges' differ" in second.stderr
    assert "polars: as measured before" in second.stderr
    assert second.stdout == ""
