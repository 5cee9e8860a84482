"""The nine acceptance tests of the simulator's specification, each able to fail.

The cuts of 2,000 lines (here) and 40,000 (``test_calibration``) carry the default suite; a slow
test repeats all nine on 250,000. Where a promise needs the reconciliation engine (4) or features
(9), the simulator's own half of it is tested here; the other half is in
``tests/reconciliation/test_simulated_truth.py`` and ``tests/models/test_snapshots.py``. That each
test can fail is shown in ``test_sabotage``.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pytest

from tests.simulator import measures

ROOT = Path(__file__).resolve().parents[2]


def digest(folder: Path) -> str:
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            whole.update(str(path.relative_to(folder)).encode())
            whole.update(path.read_bytes())
    return whole.hexdigest()


def start(out: Path, *, seed: int, lines: int, hash_seed: str) -> subprocess.Popen[bytes]:
    """A process of its own that simulates."""
    code = (
        "from ingestion.simulator import simulate;"
        f"simulate({str(out)!r}, lines={lines}, seed={seed})"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": hash_seed}
    )


def simulate_elsewhere(out: Path, *, seed: int, lines: int, hash_seed: str) -> str:
    assert start(out, seed=seed, lines=lines, hash_seed=hash_seed).wait() == 0
    return digest(out)


def test_1_the_same_seed_gives_the_same_bytes_whatever_the_hash_seed(tmp_path, sim_dir):
    elsewhere = simulate_elsewhere(tmp_path / "a", seed=1, lines=2_000, hash_seed="4242")
    assert elsewhere == digest(sim_dir)


@pytest.mark.slow
def test_1_another_seed_gives_other_bytes(tmp_path):
    one = simulate_elsewhere(tmp_path / "a", seed=3, lines=60, hash_seed="1")
    assert simulate_elsewhere(tmp_path / "b", seed=4, lines=60, hash_seed="1") != one


def test_2_legacy_sites_are_slower_than_modern_ones_beyond_chance(sim_dir):
    """With 150 closed lines DC4 and DC5 can be told apart by their means only; see below."""
    cycle = measures.days_between(measures.truth(sim_dir), "A08", "X03")
    modern = np.concatenate([cycle[site] for site in measures.MODERN])
    for site in ("DC4", "DC5"):
        assert measures.mean_interval(modern)[1] < measures.mean_interval(cycle[site])[0]
    assert cycle["DC4"].mean() < cycle["DC5"].mean()


def assert_order(cycle):
    modern = np.concatenate([cycle[site] for site in measures.MODERN])
    assert measures.mean_interval(modern)[1] < measures.mean_interval(cycle["DC4"])[0]
    assert measures.mean_interval(cycle["DC4"])[1] < measures.mean_interval(cycle["DC5"])[0]


def test_3_variants_are_many_but_a_few_carry_most_lines(sim_dir):
    variants, share = measures.variety(measures.truth(sim_dir))
    assert variants >= 60
    assert 0.55 <= share <= 0.75


def native_documents(folder: Path) -> set[str]:
    con = duckdb.connect()
    sources = folder / "sources"
    queries = [
        f"select document from read_json('{sources}/wms_modern/*/*.jsonl.gz',"
        " columns={document: 'varchar'})",
        f"select DOCNO from read_csv('{sources}/wms_legacy/*/*.csv', all_varchar=true)",
        f"select mat_doc from read_csv('{sources}/erp/material*.csv.gz', all_varchar=true)",
        f"select fin_doc from read_csv('{sources}/erp/credit*.csv.gz', all_varchar=true)",
        f"select claim_no from read_csv('{sources}/suppliers/*.csv.gz', all_varchar=true)",
    ]
    known = {row[0] for query in queries for row in con.execute(query).fetchall()}
    for path in (sources / "edi").glob("*.edi"):
        known |= set(re.split("[*~]", path.read_text()))
    for path in (sources / "epcis").rglob("*.json"):
        events = json.loads(path.read_text())["epcisBody"]["eventList"]
        known |= {event["rt:document"] for event in events if "rt:document" in event}
    return known


def test_4_every_open_break_names_documents_that_stand_in_the_native_files(sim_dir):
    """The simulator's half of the recall test: what the engine has to find can be found."""
    known = native_documents(sim_dir)
    rows = measures.truth(sim_dir).execute(
        "select type, document_ids from faults where regexp_matches(type, '^B[0-9]+$')"
    )
    breaks = [(kind, ids.split(";")) for kind, ids in rows.fetchall()]
    missing = [one for one in breaks if not set(one[1]) <= known]
    assert len(breaks) > 60
    assert missing == []


def test_4_lost_and_rejected_movements_really_have_no_posting(sim_dir):
    """By their number where the ERP keeps it; at legacy sites no receipt of the line is posted.

    A posting that names the line by a typing error belongs to another movement and does not count.
    """
    con = measures.truth(sim_dir)
    con.execute(
        "create view mistyped as"
        " select unnest(string_split(document_ids, ';')) as mat_doc from faults where type = 'B10'"
    )
    rows = con.execute("select document_ids from faults where type in ('B01', 'B02')").fetchall()
    lost = {number for (ids,) in rows for number in ids.split(";")}
    con.execute(
        f"create view posted as select * from read_csv('{sim_dir}/sources/erp/material*.csv.gz',"
        " all_varchar=true)"
    )
    posted = {row[0] for row in con.execute("select wms_ref from posted").fetchall()}
    received = con.execute(
        f"""
        select DOCNO, p.mat_doc is not null
        from read_csv('{sim_dir}/sources/wms_legacy/*/*.csv', all_varchar=true)
        left join posted p on p.rma_no = RMANO and p.rma_item = LNNO and p.mvt_type = '651'
            and p.mat_doc not in (from mistyped)
        where TXN = 'RCV'
        """
    ).fetchall()
    assert lost
    assert not posted & lost
    assert {number for number, _ in received} & lost
    assert not {number for number, is_posted in received if is_posted} & lost


def test_5_rules_are_broken_at_the_rates_meant(sim_dir):
    """The simulator's half: that the rules fire is shown on the full size below."""
    fired = {
        row[0] for row in measures.truth(sim_dir).execute("select rule from deviations").fetchall()
    }
    assert {"C01", "C02", "C04", "C20", "C32"} <= fired


def notes_and_reasons(folder: Path) -> list[tuple[str, str]]:
    """What is on the table after inspection, as words, and the family the inspector wrote."""
    con = duckdb.connect()
    return con.execute(
        f"""
        with inspection as (
            select rma || ':' || line as case_id, note, sku, condition, grade, reason
            from read_json(['{folder}/sources/wms_modern/*/*.jsonl.gz',
                            '{folder}/alternates/wms_modern/*/*.jsonl.gz'],
                columns={{rma: 'varchar', line: 'varchar', eventType: 'varchar', note: 'varchar',
                          sku: 'varchar', condition: 'varchar', grade: 'varchar',
                          reason: 'varchar'}})
            where eventType = 'INSPECTION_FINISHED'
            union all
            select RMANO || ':' || LNNO, REMARK, ITEMNO, COND, GRD, REASN
            from read_csv(['{folder}/sources/wms_legacy/DC4/*.csv',
                           '{folder}/alternates/wms_legacy/DC5/*.csv'], all_varchar=true)
            where TXN = 'INS'),
        request as (
            select rma || ':' || line as case_id, any_value(declaredReason) as declared
            from read_json('{folder}/sources/workflow/*.jsonl.gz',
                columns={{rma: 'varchar', line: 'varchar', declaredReason: 'varchar'}})
            group by 1)
        select concat_ws(' ', note, 'fam' || sku[:3], 'con' || condition, 'grd' || grade,
                         'dec' || replace(declared, '.', '')), split_part(reason, '.', 1)
        from inspection left join request using (case_id)
        where reason is not null and split_part(reason, '.', 1) not in ('OTHER', 'UNKNOWN')
        order by case_id, note
        """
    ).fetchall()


def macro_f1(folder: Path) -> float:
    """Macro F1 of a linear model that reads note and codes, five-fold."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import f1_score
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline

    texts, answers = zip(*notes_and_reasons(folder), strict=True)
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True),
        LogisticRegression(C=5, max_iter=300),
    )
    return f1_score(answers, cross_val_predict(model, texts, answers, cv=3), average="macro")


def test_6_notes_tell_the_reason_but_not_for_certain(sim_dir):
    """On a small cut a linear model learns less; 0.99 would be leakage."""
    assert 0.65 < macro_f1(sim_dir) < 0.90


def test_7_closed_lines_alone_understate_the_cycle_time(sim_dir):
    assert measures.understatement(measures.truth(sim_dir)) > 1.15


def test_8_a_fifth_of_the_lines_holds_most_of_the_lost_value(sim_dir):
    """0.75 to 0.80 is meant and tested on 40,000 lines; a few dear ones sway the small cut."""
    assert 0.70 <= measures.concentration(measures.truth(sim_dir)) <= 0.86


def test_9_no_record_is_written_before_it_is_known(sim_dir):
    """The simulator's half of the leakage test: features are tested beside the models."""
    con = measures.truth(sim_dir)
    early = con.execute("select count(*) from event where recorded_at < occurred_at").fetchone()
    assert early == (0,)
    for path in (sim_dir / "sources" / "workflow").glob("*.gz"):
        times = duckdb.sql(
            f"select loggedAt from read_json('{path}', columns={{loggedAt: 'varchar'}})"
        ).fetchall()
        assert times == sorted(times)


def test_no_line_of_the_warm_up_is_in_the_log(sim_dir):
    ghosts = measures.truth(sim_dir).execute("select count(*) from event where case_id like 'G%'")
    assert ghosts.fetchone() == (0,)


def test_exactly_the_lines_asked_for_are_logged(sim_dir):
    rows = (
        measures.truth(sim_dir)
        .execute("select count(*), count(distinct case_id) from lines")
        .fetchone()
    )
    assert rows == (2000, 2000)


def test_lasting_anomalies_and_happenings_are_in_the_truth(sim_dir):
    text = (sim_dir / "truth" / "anomalies.csv").read_text()
    for kind in ("biased_carrier", "zero_variance_receiver", "wrong_pack", "collusion"):
        assert kind in text
    text = (sim_dir / "truth" / "happenings.csv").read_text()
    for kind in ("recall", "carrier_strike", "price_error", "reason_list_change"):
        assert kind in text


def test_the_object_centric_truth_relates_events_to_known_objects(sim_dir):
    import gzip

    with gzip.open(sim_dir / "truth" / "ocel.json.gz") as file:
        log = json.load(file)
    known = {one["id"] for one in log["objects"]}
    assert len(known) == len(log["objects"])
    used = {link["objectId"] for event in log["events"] for link in event["relationships"]}
    assert used <= known


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> Path:
    """250,000 lines, written twice at once by processes with different hash seeds."""
    out = tmp_path_factory.mktemp("large")
    runs = [start(out / seed, seed=1, lines=250_000, hash_seed=seed) for seed in ("1", "4242")]
    assert [run.wait() for run in runs] == [0, 0]
    return out


def corrections_at_the_years_end(folder: Path) -> int:
    """Postings that name no return, entered on the last evening of the year."""
    [[count]] = duckdb.execute(
        f"""
        select count(*) from read_csv('{folder}/sources/erp/material*.csv.gz', all_varchar=true)
        where posting_date = '2025-12-31' and rma_no like 'ADJ%' and wms_ref is null
            and entered_at >= '2025-12-31T23:00'
        """
    ).fetchall()
    return int(count)


def lines_shipped_under_one_number(folder: Path) -> int:
    """Order lines that share their order's number with another sale."""
    [[count]] = duckdb.execute(
        f"""
        select count(*) - count(distinct (order_id, order_line))
        from read_csv('{folder}/sources/master/order_lines*.csv.gz', all_varchar=true)
        """
    ).fetchall()
    return int(count)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_250_000_lines_keep_every_promise(large):
    folder = large / "1"
    assert digest(folder) == digest(large / "4242")
    con = measures.truth(folder)
    assert_order(measures.days_between(con, "A08", "X03"))
    variants, share = measures.variety(con)
    assert variants >= 60
    assert 0.55 <= share <= 0.75
    test_4_every_open_break_names_documents_that_stand_in_the_native_files(folder)
    test_4_lost_and_rejected_movements_really_have_no_posting(folder)
    open_breaks = dict(con.execute("select type, count(*) from faults group by 1").fetchall())
    for number in [1, 2, *range(4, 16), 17]:
        assert open_breaks[f"B{number:02d}"] >= 20, number
    fired = dict(con.execute("select rule, count(*) from deviations group by 1").fetchall())
    assert min(fired.values()) >= 20
    assert corrections_at_the_years_end(folder) >= 20
    assert lines_shipped_under_one_number(folder) == 0
    assert 0.78 < macro_f1(folder) < 0.90
    assert measures.understatement(con) > 1.15
    assert 0.75 <= measures.concentration(con) <= 0.80
    test_9_no_record_is_written_before_it_is_known(folder)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_5_every_rule_of_conformance_fires_often_enough(forty_thousand, tmp_path):
    """At least twenty times; lots and cold chains are rarer. The rules' own half of test 5."""
    assert lines_shipped_under_one_number(forty_thousand) == 0
    from ingestion.intake import ingest
    from ingestion.settings import Settings
    from mining import conformance, load

    ingest(Settings.load(tmp_path), [forty_thousand / "sources"])
    fired = conformance(load(tmp_path)).violations["rule"].value_counts().to_dict()
    few = {f"C{n:02d}": fired.get(f"C{n:02d}", 0) for n in range(1, 33)}
    few = {rule: n for rule, n in few.items() if n < (5 if rule in ("C14", "C25") else 20)}
    assert not few
