"""Run pytest and close with one plain line: ``N passed, N failed``.

Usage: ``python -m tests.run [pytest options]``
"""

import sys
from collections import Counter
from typing import Any

import pytest

WORKERS = ["-n", "2", "--dist", "loadgroup"]


class Tally:
    """Counts each test once, by its worst phase."""

    def __init__(self) -> None:
        self.outcomes: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.outcomes[report.nodeid] = "failed"
        elif report.skipped:
            self.outcomes.setdefault(report.nodeid, "skipped")
        elif report.when == "call":
            self.outcomes.setdefault(report.nodeid, "passed")

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.outcomes[report.nodeid] = "failed"


def main(arguments: list[str]) -> int:
    tally = Tally()
    code = int(pytest.main([*WORKERS, "-q", "-ra", *arguments], plugins=[tally]))
    count = Counter(tally.outcomes.values())
    if code and not count["failed"]:
        count["failed"] = 1
    skipped = f", {count['skipped']} skipped" if count["skipped"] else ""
    print(f"{count['passed']} passed, {count['failed']} failed{skipped}", flush=True)
    return code


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
