"""The truth stays hidden: no layer of the product reads it or borrows the simulator's knowledge."""

import ast
import json
from pathlib import Path

import duckdb
import pytest

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ("ingestion", "mining", "models", "scoring_api", "dashboard")
TRUTH_FILES = {
    "anomalies.csv",
    "bottlenecks.csv",
    "deviations.csv",
    "events.parquet",
    "faults.csv",
    "fraud.csv",
    "happenings.csv",
    "lines.csv",
    "ocel.json.gz",
    "stations.csv",
    "waits.parquet",
}
WRITER = ROOT / "ingestion" / "simulator"
MAY_SIMULATE = {"ingestion/commands.py", "retrace.py"}


def product_files() -> list[Path]:
    files = [ROOT / "retrace.py"]
    for layer in LAYERS:
        files += [path for path in (ROOT / layer).rglob("*.py") if WRITER not in path.parents]
    return sorted(files)


def names_truth(text: str) -> bool:
    """Whether a constant is a path into the truth (prose that mentions the folder is not)."""
    parts = text.replace("\\", "/").split("/")
    return " " not in text.strip() and ("truth" in parts or parts[-1] in TRUTH_FILES)


def offences(source: str) -> list[str]:
    """Paths into the truth and imports of the simulator in a module's source."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found += [node.value] if names_truth(node.value) else []
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module] if node.module.startswith("ingestion.simulator") else []
        elif isinstance(node, ast.Import):
            found += [a.name for a in node.names if a.name.startswith("ingestion.simulator")]
    return found


def test_no_layer_reads_the_truth_or_knows_the_simulator():
    files = product_files()
    assert len(files) > 150
    found = {
        path.relative_to(ROOT).as_posix(): names
        for path in files
        if (names := offences(path.read_text(encoding="utf-8")))
    }
    assert set(found) <= MAY_SIMULATE, found
    assert all(names == ["ingestion.simulator"] for names in found.values()), found


@pytest.mark.parametrize(
    "source",
    [
        "open(folder / 'truth' / name)",
        "read_csv(f'{out}/truth/faults.csv')",
        "pd.read_parquet(out / 'waits.parquet')",
        "from ingestion.simulator.recovery import best",
        "import ingestion.simulator.truth",
    ],
)
def test_a_module_that_peeps_is_caught(source):
    assert offences(source)


def test_no_query_or_mapping_names_a_file_of_the_truth():
    for layer in LAYERS:
        for kind in ("*.sql", "*.yaml"):
            for path in (ROOT / layer).rglob(kind):
                text = path.read_text(encoding="utf-8")
                assert not [name for name in TRUTH_FILES if name in text], path


def test_the_truth_holds_what_the_sources_hide(sim_dir):
    assert {path.name for path in (sim_dir / "truth").iterdir()} == TRUTH_FILES
    rows = duckdb.sql(
        f"""select probabilities, "values" from read_csv('{sim_dir}/truth/lines.csv',
        all_varchar=true)"""
    ).fetchall()
    for chances, values in rows[:300]:
        chance = dict(pair.split("=") for pair in chances.split(";"))
        assert chance.keys() == dict(pair.split("=") for pair in values.split(";")).keys()
        assert sum(map(float, chance.values())) == pytest.approx(1, abs=0.001)


def test_every_wait_has_a_cause_and_ends_before_the_activity_it_delayed(sim_dir):
    """Of activities that happen once a line; a message may also come after its time."""
    con = duckdb.connect()
    rows = con.execute(
        f"""
        with happened as (
            select case_id, activity, min(occurred_at) as at, count(*) as n
            from '{sim_dir}/truth/events.parquet' group by all)
        select w.activity, count(*),
            count(*) filter (w.since + to_milliseconds(w.hours * 3600000)
                             > h.at + interval 2 seconds)
        from '{sim_dir}/truth/waits.parquet' w join happened h using (case_id, activity)
        where h.n = 1 and w.activity in ('A06', 'A07', 'A08', 'A09', 'A12', 'E04', 'E05', 'E06')
        group by 1
        """
    ).fetchall()
    assert len(rows) == 8
    assert all(count > 200 and late == 0 for _, count, late in rows), rows
    causes = con.execute(
        f"select distinct cause from '{sim_dir}/truth/waits.parquet' order by 1"
    ).fetchall()
    assert [cause for (cause,) in causes] == [
        "batching", "contention", "external", "hold", "interface", "unavailability",
    ]  # fmt: skip


def test_nothing_in_the_sources_is_told_twice(sim_dir, small_home):
    """No line has an activity more often in the lake than it truly had: one channel a fact.

    A row that a file holds twice counts once. A mistyped number may hit another line; as many
    surplus events as there were such slips are allowed.
    """
    from ingestion.lake import Lake
    from ingestion.vocabulary import Activity

    con = Lake(small_home).connect()
    con.execute("create temp table name (code varchar, activity varchar)")
    con.executemany("insert into name values (?, ?)", [(a.name, a.value) for a in Activity])
    surplus, happened, slips = con.execute(
        f"""
        with happened as (
            select case_id, name.activity, count(*) as n
            from '{sim_dir}/truth/events.parquet' e join name on name.code = e.activity
            group by all),
        told as (
            select case_id, activity, count(distinct (source, occurred_at, document_id, message_id,
                quantity, amount, disposition, note, extras)) as n
            from events group by all)
        select coalesce(sum(told.n - happened.n) filter (told.n > happened.n), 0), sum(happened.n),
            (select count(*) from read_csv('{sim_dir}/truth/faults.csv')
             where fault in ('rma_typo', 'wrong_data'))
        from happened join told using (case_id, activity)
        """
    ).fetchone()
    assert happened > 50_000
    assert surplus <= slips < 0.001 * happened


def test_planted_bottlenecks_are_where_lines_truly_wait(forty_thousand):
    """Each is among the five longest waits of its site, timetables of batches left aside."""
    con = duckdb.connect()
    waits = con.execute(
        f"""
        select case when what in ('APP', 'FIN') then 'HQ' else site end as place, activity
        from '{forty_thousand}/truth/waits.parquet'
        where cause in ('contention', 'unavailability', 'interface')
        group by place, activity
        qualify row_number() over (partition by place order by sum(hours) desc) <= 5
        """
    ).fetchall()
    planted = con.execute(
        f"select site, activity from read_csv('{forty_thousand}/truth/bottlenecks.csv')"
    ).fetchall()
    code = {
        "Approve credit": "E04",
        "Finish inspection": "A13",
        "Finish refurbishment": "A20S",  # the queue is before the bench
        "Post stock transfer": "E02",
    }
    inside = [(site, code[name]) for site, name in planted if name != "First carrier scan"]
    assert len(inside) == 6
    assert set(inside) <= set(waits), waits


def test_the_late_carrier_is_late_everywhere(forty_thousand):
    rows = duckdb.sql(
        f"""
        select destination, arg_max(carrier, late) from (
            select destination, carrier, avg(epoch(uploaded_at - scanned_at)) as late
            from read_csv('{forty_thousand}/sources/carriers/*.csv.gz',
                types={{'scanned_at': 'timestamptz', 'uploaded_at': 'timestamptz'}})
            where scan_code = 'PU' group by all)
        group by 1 order by 1
        """
    ).fetchall()
    assert rows == [(f"DC{n}", "TARDIGO") for n in range(1, 6)]


def test_the_object_centric_truth_is_json(sim_dir):
    import gzip

    with gzip.open(sim_dir / "truth" / "ocel.json.gz") as file:
        assert {"objectTypes", "eventTypes", "objects", "events"} <= json.load(file).keys()
