"""The command line keeps its contract: one JSON object, exit codes, one-line errors."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import retrace

LOG = "\n".join(
    [
        "case,activity,time",
        "1,register,2024-01-01 10:00:00",
        "1,check,2024-01-01 12:00:00",
        "1,decide,2024-01-02 12:00:00",
        "2,register,2024-01-03 10:00:00",
        "2,decide,2024-01-03 10:00:30",
        "3,register,2024-02-01 10:00:00",
        "3,check,2024-02-01 14:00:00",
        "3,decide,2024-02-01 14:00:00",
        "",
    ]
)
COLUMNS = ("--case", "case", "--activity", "activity", "--time", "time")


@pytest.fixture
def run(monkeypatch, capsys):
    """Call the command line in this process; answer exit code, stdout and stderr."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["retrace", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            retrace.main()
            raise SystemExit(0)
        captured = capsys.readouterr()
        return ended.value.code or 0, captured.out, captured.err

    return call


@pytest.fixture
def home(run, tmp_path):
    (tmp_path / "log.csv").write_text(LOG)
    home = tmp_path / "home"
    code, out, _ = run("ingest", tmp_path / "log.csv", *COLUMNS, "--home", home, "--json")
    assert code == 0 and json.loads(out)["accepted"] == 8
    return home


def test_ingest_prints_its_counters(run, tmp_path):
    (tmp_path / "log.csv").write_text(LOG + "4,,2024-01-01\n")
    how = (tmp_path / "log.csv", *COLUMNS, "--home", tmp_path / "home", "--json")
    code, out, _ = run("ingest", *how)
    assert code == 0
    assert json.loads(out) == {
        "deliveries": 1,
        "received": 9,
        "accepted": 8,
        "duplicate": 0,
        "quarantined": 1,
        "unmapped_activities": 3,
    }
    code, out, _ = run("ingest", *how)
    assert json.loads(out)["duplicate"] == 9


def test_dfg_has_the_contracts_shape(run, home):
    code, out, _ = run("mine", "dfg", "--home", home, "--json")
    answer = json.loads(out)
    assert code == 0
    assert (answer["cases"], answer["events"], answer["cases_with_ties"]) == (3, 8, 1)
    assert [(e["source"], e["target"], e["count"]) for e in answer["edges"]] == [
        ("check", "decide", 2),
        ("register", "check", 2),
        ("register", "decide", 1),
    ]
    assert answer["edges"][1] == {
        "source": "register",
        "target": "check",
        "count": 2,
        "mean_s": 10800.0,
        "p50_s": 10800.0,
        "p90_s": 13680.0,
        "p95_s": 14040.0,
        "business_p50_s": None,
    }
    assert answer["start"] == {"register": 3} and answer["end"] == {"decide": 3}
    assert {a["activity"]: (a["events"], a["cases"]) for a in answer["activities"]} == {
        "register": (3, 3),
        "check": (2, 2),
        "decide": (3, 3),
    }


def test_from_and_to_take_cases_by_their_first_event(run, home):
    period = ("--from", "2024-01-03", "--to", "2024-02-01T10:00:00")
    answer = json.loads(run("mine", "dfg", *period, "--home", home, "--json")[1])
    assert (answer["cases"], answer["events"]) == (1, 2)


def test_variants_has_the_contracts_shape(run, home):
    answer = json.loads(run("mine", "variants", "--top", 1, "--home", home, "--json")[1])
    assert answer == {
        "variants": 2,
        "cases": 3,
        "top": [{"count": 2, "activities": ["register", "check", "decide"]}],
    }


def test_kpis_have_the_contracts_shape(run, small_home):
    code, out, _ = run("mine", "kpis", "--home", small_home, "--json")
    answer = json.loads(out)
    assert code == 0 and set(answer) == {"as_of", "kpis"}
    for kpi in answer["kpis"]:
        assert set(kpi) == {"id", "site", "value", "unit", "n", "open_share", "p50", "p90"}
    assert {"DC1", "DC5", None} <= {kpi["site"] for kpi in answer["kpis"]}


def test_conformance_has_the_contracts_shape(run, small_home):
    code, out, _ = run("mine", "conformance", "--home", small_home, "--json")
    violations = json.loads(out)["violations"]
    assert code == 0 and len(violations) > 10
    assert all(set(found) == {"rule", "cases", "stake"} for found in violations)


def test_bottlenecks_have_the_contracts_shape(run, small_home):
    found = json.loads(run("mine", "bottlenecks", "--home", small_home, "--json")[1])["bottlenecks"]
    assert found == sorted(found, key=lambda row: -row["money_per_day"])
    assert set(found[0]) == {"site", "activity", "cause", "owner", "wait_h", "money_per_day"}


def test_causes_have_the_contracts_shape(run, small_home):
    found = json.loads(run("mine", "causes", "--home", small_home, "--json")[1])["causes"]
    shape = {"dimension", "value", "effect_days", "low", "high", "money"}
    assert all(set(cause) == shape for cause in found)


def test_reconcile_has_the_contracts_shape(run, small_home, tmp_path):
    signoff = tmp_path / "breaks.csv"
    code, out, _ = run("reconcile", "--home", small_home, "--signoff", signoff, "--json")
    answer = json.loads(out)
    assert code == 0 and set(answer) == {"matched", "breaks", "by_type"} and answer["matched"] > 0
    assert set(answer["breaks"][0]) == {
        "break_id",
        "type",
        "members",
        "delta_quantity",
        "delta_value",
        "value_at_risk",
        "explanation",
        "suggested_fix",
        "age_days",
        "confidence",
        "secondary",
    }
    assert sum(answer["by_type"].values()) == len(answer["breaks"])
    assert all(re.fullmatch(r"B\d\d", one["type"]) for one in answer["breaks"])
    assert len(signoff.read_text().splitlines()) > len(answer["breaks"])


@pytest.mark.parametrize("kind", ["csv", "xes", "ocel"])
def test_a_log_can_be_handed_over_and_read_back(run, home, tmp_path, kind):
    path = tmp_path / f"out.{'json' if kind == 'ocel' else kind}"
    written = json.loads(run("export", kind, path, "--home", home, "--json")[1])
    assert written["events"] == 8 and path.stat().st_size > 0
    back = json.loads(run("ingest", path, "--home", tmp_path / "back", "--json")[1])
    assert back["accepted"] == 8 and back["quarantined"] == 0


def test_any_object_can_be_the_case(run, small_home):
    answer = json.loads(run("mine", "dfg", "--object", "rma", "--home", small_home, "--json")[1])
    lines = json.loads(run("mine", "dfg", "--home", small_home, "--json")[1])
    assert 0 < answer["cases"] < lines["cases"]
    code, _, err = run("mine", "dfg", "--object", "spaceship", "--home", small_home)
    assert code == 1 and "spaceship" in err


def test_status_balances_and_counts_by_source_site_and_day(run, small_home):
    code, out, _ = run("status", "--home", small_home, "--json")
    answer = json.loads(out)
    assert code == 0 and answer["balanced"]
    assert answer["received"] == sum(row["received"] for row in answer["counters"])
    assert {"source", "site", "day"} < set(answer["counters"][0])


def test_quarantine_lists_and_shows(run, tmp_path):
    (tmp_path / "log.csv").write_text(LOG + "4,,2024-01-01\n")
    home = ("--home", tmp_path / "home")
    run("ingest", tmp_path / "log.csv", *COLUMNS, *home)
    answer = json.loads(run("quarantine", "list", *home, "--json")[1])
    assert answer["quarantined"] == 1
    [record] = answer["records"]
    assert (record["reason"], record["pointer"]) == ("missing_activity", "record 9")
    shown = json.loads(run("quarantine", "show", record["quarantine_id"][:6], *home, "--json")[1])
    assert json.loads(shown["raw"])["case"] == "4"


def test_keys_are_shown_once_and_can_be_revoked(run, tmp_path):
    home = ("--home", tmp_path / "home")
    made = json.loads(run("keys", "create", "orchestrator", *home, "--json")[1])
    assert set(made) == {"key_id", "key"}
    listed = run("keys", "list", *home, "--json")[1]
    assert made["key_id"] in listed and made["key"] not in listed
    assert run("keys", "revoke", made["key_id"], *home, "--json")[0] == 0
    assert json.loads(run("keys", "list", *home, "--json")[1])["keys"][0]["revoked_at"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["ingest", "nowhere.csv"], "there is no such file"),
        (["mine", "dfg"], "holds no events yet"),
        (["mine", "kpis"], "holds no events yet"),
        (["quarantine", "show", "x"], "quarantine list"),
        (["keys", "revoke", "x"], "retrace keys list"),
        (["train"], "retrace ingest"),
        (["promote", "weather"], "weather"),
        (["score", "nowhere.csv"], "retrace"),
    ],
)
def test_an_error_is_one_line_that_says_what_to_do(run, tmp_path, arguments, says):
    code, out, err = run(*arguments, "--home", tmp_path / "home")
    last = err.strip().splitlines()[-1]
    assert code == 1 and out == "" and last.startswith("Error: ")
    assert says in last and "Traceback" not in err


def test_the_doctor_checks_a_home(run, home):
    code, out, _ = run("doctor", "--home", home, "--json")
    checks = {check["name"]: check["ok"] for check in json.loads(out)["checks"]}
    assert code == 0 and json.loads(out)["ok"]
    assert checks["lake"] is True and checks["models"] is None


def test_wrong_usage_exits_with_two(run):
    assert run("ingest")[0] == 2
    assert run("mine", "dfg", "--site")[0] == 2
    assert run("no-such-command")[0] == 2


def test_json_is_the_only_thing_on_stdout(home):
    done = subprocess.run(
        [sys.executable, "-m", "retrace", "mine", "dfg", "--home", home, "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.count("\n") == 1 and json.loads(done.stdout)


def test_help_of_every_command_has_a_sentence(run):
    code, out, _ = run("--help")
    assert code == 0
    commands = re.findall(r"│ ([a-z]+) ", out)
    assert {"demo", "simulate", "ingest", "mine", "train", "serve", "keys"} <= set(commands)
    for command in commands:
        code, out, _ = run(command, "--help")
        assert code == 0 and len(out.splitlines()) > 5


def test_nothing_imports_the_front_door():
    root = Path(retrace.__file__).parent
    layers = ["ingestion", "mining", "models", "scoring_api", "dashboard"]
    guilty = [
        path
        for layer in layers
        for path in (root / layer).rglob("*.py")
        if re.search(r"^\s*(from|import) retrace\b", path.read_text(), re.MULTILINE)
    ]
    assert not guilty
