"""Every file is a delivery: read once, whatever happens, and never doubled."""

import json
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from ingestion.errors import HomeIsBusy, HomeNotWritable
from ingestion.intake import ingest
from ingestion.lake import Lake, newest
from ingestion.settings import Settings
from ingestion.status import Twins, status, twins

TOLD = [("tools", 9.5), ("plumbing", 3.25), ("kitchen", 7)]
COLUMNS = {"case": "case", "activity": "activity", "time": "time"}


def write_log(path, cases, *, events_per_case=4):
    rows = [
        f"{case},step {step},2024-01-{1 + step:02d} {case % 24:02d}:00:00,note {case}-{step}"
        for case in cases
        for step in range(events_per_case)
    ]
    path.write_text("case,activity,time,note\n" + "\n".join(rows) + "\n")
    return path


def lake_rows(home, columns="event_id, case_id, activity, occurred_at, note"):
    return sorted(Lake(home).connect().execute(f"select {columns} from events").fetchall())


def test_the_same_file_again_is_all_duplicates(settings, tmp_path):
    path = write_log(tmp_path / "a.csv", range(10))
    assert ingest(settings, [path], **COLUMNS).accepted == 40
    before = lake_rows(settings.home)
    renamed = path.rename(tmp_path / "b.csv")
    again = ingest(settings, [renamed], **COLUMNS)
    assert (again.received, again.accepted, again.duplicate) == (40, 0, 40)
    assert lake_rows(settings.home) == before
    assert status(Lake(settings.home)).totals()["received"] == 80


def test_formerly_quarantined_records_are_duplicates_the_second_time(settings, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("case,activity,time\n1,a,2024-01-01\n1,b,never\n")
    assert ingest(settings, [path], **COLUMNS).quarantined == 1
    again = ingest(settings, [path], **COLUMNS)
    assert (again.received, again.duplicate, again.quarantined) == (2, 2, 0)


def test_an_overlapping_file_brings_only_what_is_new(settings, tmp_path):
    ingest(settings, [write_log(tmp_path / "a.csv", range(10))], **COLUMNS)
    counts = ingest(settings, [write_log(tmp_path / "b.csv", range(5, 15))], **COLUMNS)
    assert (counts.received, counts.accepted, counts.duplicate) == (40, 20, 20)


def test_identical_rows_in_one_file_stay_distinct(settings, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("case,activity,time\n" + "1,a,2024-01-01\n" * 3 + "1,b,2024-01-02\n")
    assert ingest(settings, [path], **COLUMNS).accepted == 4
    assert len({row[0] for row in lake_rows(settings.home)}) == 4
    assert twins(Lake(settings.home)) == [Twins("log", events=2, cases=1)]


def test_twins_are_found_in_whatever_parts_the_rows_are_compared(settings, tmp_path, monkeypatch):
    cases = [*range(40), *range(0, 40, 3), 6, 6]
    path = tmp_path / "a.csv"
    path.write_text("case,activity,time\n" + "".join(f"{n},a,2024-01-01\n" for n in cases))
    whole = Settings.load(tmp_path / "whole")
    ingest(whole, [path], **COLUMNS)
    monkeypatch.setattr("ingestion.fates.MOST_HASHES", 7)
    assert ingest(settings, [path], **COLUMNS).accepted == len(cases)
    assert len({row[0] for row in lake_rows(settings.home)}) == len(cases)
    assert lake_rows(settings.home) == lake_rows(whole.home)
    assert twins(Lake(settings.home)) == [Twins("log", events=16, cases=14)]


def test_every_engine_reads_the_files_as_they_are_encoded(settings, tmp_path):
    """Arrow and delta-rs read what DuckDB wrote: the lake is for other programs too."""
    ingest(settings, [write_log(tmp_path / "a.csv", range(3000))], **COLUMNS)
    columns = ["event_id", "case_id", "activity", "occurred_at", "note"]
    by_arrow = DeltaTable(str(settings.home / "lake" / "events")).to_pyarrow_table(columns=columns)
    assert by_arrow.num_rows == 12_000
    rows = zip(*(by_arrow[name].to_pylist() for name in columns), strict=True)
    assert sorted(rows) == lake_rows(settings.home)


def test_rows_with_the_same_producers_id_are_one_event(settings, tmp_path):
    path = tmp_path / "a.csv"
    rows = ["x1,1,a,2024-01-01", "x1,1,a,2024-01-01", "x2,1,b,2024-01-02", "x1,1,z,2024-01-09"]
    path.write_text("event_id,case,activity,time\n" + "\n".join(rows) + "\n")
    counts = ingest(settings, [path], **COLUMNS)
    assert (counts.accepted, counts.duplicate) == (2, 2)


def test_a_good_record_is_not_a_duplicate_of_a_bad_one_with_its_id(settings, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("event_id,case,activity,time\nx1,1,a,never\nx1,1,a,2024-01-01\n")
    counts = ingest(settings, [path], **COLUMNS)
    assert (counts.accepted, counts.quarantined) == (1, 1)


def test_the_same_log_as_csv_and_parquet_is_the_same_events(settings, tmp_path):
    rows = {"case": ["1", "1"], "activity": ["a", "b"], "time": ["2024-01-01", "2024-01-02"]}
    pq.write_table(pa.table(rows), tmp_path / "a.parquet")
    (tmp_path / "a.csv").write_text("case,activity,time\n1,a,2024-01-01\n1,b,2024-01-02\n")
    assert ingest(settings, [tmp_path / "a.parquet"], **COLUMNS).accepted == 2
    assert ingest(settings, [tmp_path / "a.csv"], **COLUMNS).duplicate == 2


def test_a_corrected_mapping_supersedes_the_first_reading(settings, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        "case,activity,wrong,time\n1,a,2020-01-01,2024-01-01\n1,b,2020-01-01,2024-01-02\n"
    )
    ingest(settings, [path], case="case", activity="activity", time="wrong")
    counts = ingest(settings, [path], **COLUMNS)
    assert (counts.received, counts.accepted, counts.duplicate) == (2, 2, 0)
    assert [at.year for *_, at, _ in lake_rows(settings.home)] == [2024, 2024]
    found = status(Lake(settings.home))
    assert found.balanced and found.totals()["accepted"] == 2
    back = ingest(settings, [path], case="case", activity="activity", time="wrong")
    assert back.accepted == 2
    assert [at.year for *_, at, _ in lake_rows(settings.home)] == [2020, 2020]


def test_two_sources_keep_the_same_file_apart(settings, tmp_path):
    path = write_log(tmp_path / "a.csv", range(3))
    ingest(settings, [path], **COLUMNS, source="one")
    assert ingest(settings, [path], **COLUMNS, source="two").accepted == 12
    assert len(lake_rows(settings.home)) == 24


def test_a_second_log_in_one_home_is_pointed_out(settings, tmp_path, caplog):
    ingest(settings, [write_log(tmp_path / "a.csv", range(3))], **COLUMNS)
    assert not caplog.messages
    ingest(settings, [write_log(tmp_path / "b.csv", range(3, 5))], **COLUMNS)
    assert "already holds a log (a.csv)" in caplog.text and "--source" in caplog.text


def test_columns_we_do_not_model_are_kept_as_extras(settings, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        "case,activity,time,site,amount,colour\n1,a,2024-01-01,DC1,12.5,red\n"
        "1,b,2024-01-02,DC1,many,\n"
    )
    assert ingest(settings, [path], **COLUMNS).accepted == 2
    assert lake_rows(settings.home, "activity, site, amount::varchar, extras") == [
        ("a", "DC1", "12.5000", '{"colour":"red"}'),
        ("b", "DC1", None, '{"amount":"many"}'),
    ]


def test_actors_are_pseudonymous_unless_switched_off(settings, tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_text(
        "case,activity,time,actor\n1,a,2024-01-01,Ada\n1,b,2024-01-02,Ada\n1,c,2024-01-03,\n"
    )
    ingest(settings, [path], **COLUMNS)
    actors = {row[0] for row in lake_rows(settings.home, "coalesce(actor, '-')")}
    assert len(actors) == 2 and not any("Ada" in actor for actor in actors)
    monkeypatch.setenv("RETRACE_PSEUDONYMISE", "0")
    plain = Settings.load(tmp_path / "plain")
    ingest(plain, [path], **COLUMNS)
    assert ("Ada",) in lake_rows(plain.home, "coalesce(actor, '-')")


def test_customers_are_pseudonymous_wherever_they_are_named(settings, tmp_path):
    log, master = tmp_path / "a.csv", tmp_path / "customers.csv"
    log.write_text("case,activity,time,customer_id\n1,a,2024-01-01,B00017\n1,b,2024-01-02,\n")
    master.write_text("customer_id,segment,account_opened_on\nB00017,B2B,2020-01-01\n")
    ingest(settings, [log], **COLUMNS)
    ingest(settings, [master])
    said = (
        Lake(settings.home)
        .connect()
        .execute(
            "select c.customer_id, e.extras from customers c "
            "join events e on e.extras ->> 'customer_id' = c.customer_id"
        )
    )
    [(customer, extras)] = said.fetchall()
    assert customer.startswith("p_") and "B00017" not in extras


def test_a_source_may_call_its_columns_what_it_likes(settings, tmp_path):
    """Names the intake uses itself, in a mapping whose records state several events."""
    names = ["rec", "rowid", "part", "problem", "record_key", "fate", "record", "c0"]
    mapping, log = tmp_path / "own.yaml", tmp_path / "own.csv"
    mapping.write_text(
        "name: own\ncolumns: {case_id: rowid, activity: {constant: Receive}, occurred_at: rec}\n"
        "events:\n  - {activity: {constant: Receive}}\n"
        "  - {activity: {constant: Finish inspection}, occurred_at: part}\n"
    )
    log.write_text(
        ",".join(names) + "\n2024-01-01,R1,2024-01-02,x,y,z,w,v\n,R2,2024-01-03,,,,,\n,R3,,x,,,,\n"
    )
    counts = ingest(settings, [log], mapping=str(mapping))
    assert (counts.received, counts.accepted, counts.quarantined) == (3, 2, 1)
    assert lake_rows(settings.home, "case_id, occurred_at::date::varchar") == [
        ("R1", "2024-01-01"),
        ("R1", "2024-01-02"),
        ("R2", "2024-01-03"),
    ]
    con = Lake(settings.home).connect()
    [[extras]] = con.execute("select distinct extras from events where case_id = 'R1'").fetchall()
    assert json.loads(extras) == dict(zip(names[3:], "xyzwv", strict=True))
    [[raw]] = con.execute("select raw from quarantine").fetchall()
    assert json.loads(raw) == dict.fromkeys(names) | {"rowid": "R3", "problem": "x"}


def test_a_home_that_cannot_be_made_is_one_clear_sentence(tmp_path):
    path = write_log(tmp_path / "a.csv", range(2))
    with pytest.raises(HomeNotWritable, match="Choose another"):
        ingest(Settings.load(path / "home"), [path], **COLUMNS)


def test_only_one_process_writes_at_a_time(settings, tmp_path):
    script = (
        "import sys, time; from ingestion.lake import Lake\n"
        "with Lake(sys.argv[1]).writing(): print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(settings.home)], stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(HomeIsBusy, match="try again"):
            ingest(settings, [write_log(tmp_path / "a.csv", range(2))], **COLUMNS)
        holder.kill()
    assert ingest(settings, [tmp_path / "a.csv"], **COLUMNS).accepted == 8


def test_a_crash_between_the_tables_leaves_nothing_visible(settings, tmp_path, monkeypatch):
    path = write_log(tmp_path / "a.csv", range(20))
    real = Lake.write

    def power_cut(self, table, data, **how):
        if table == "deliveries":
            raise OSError("power cut")
        real(self, table, data, **how)

    monkeypatch.setattr(Lake, "write", power_cut)
    with pytest.raises(OSError, match="power cut"):
        ingest(settings, [path], **COLUMNS)
    assert Lake(settings.home).version("events") is not None
    assert Lake(settings.home).unfinished() == ["events"]
    assert lake_rows(settings.home) == []
    monkeypatch.undo()
    assert ingest(settings, [path], **COLUMNS).accepted == 80
    assert len(lake_rows(settings.home)) == 80
    assert Lake(settings.home).unfinished() == []


def test_every_commit_bears_the_number_of_its_group_as_a_delta_transaction(settings, tmp_path):
    lake = Lake(settings.home)
    assert lake.group("events") == 0
    ingest(settings, [write_log(tmp_path / "a.csv", range(4))], **COLUMNS)
    delta = DeltaTable(str(lake.path("events")))
    assert delta.transaction_version("retrace") == lake.group("deliveries") == 1
    ingest(settings, [write_log(tmp_path / "b.csv", range(2))], **COLUMNS)  # nothing new in it
    assert (lake.group("events"), lake.group("deliveries")) == (1, 2)
    (tmp_path / "new.csv").write_text("case,activity,time\n9,a,2024-01-01\n")
    ingest(settings, [tmp_path / "new.csv"], **COLUMNS)
    assert lake.group("events") == lake.group("deliveries") == 3
    assert lake.unfinished() == []


@pytest.mark.parametrize(
    ("second", "warned"), [("log-2.csv", False), ("other.csv", True)], ids=["part", "another"]
)
def test_a_second_log_in_a_home_is_warned_of_unless_it_goes_on(
    settings, tmp_path, caplog, second, warned
):
    for number, name in enumerate(("log-1.csv", second)):
        (tmp_path / name).write_text(f"c,a,t\nR{number},Receive,2026-01-01\n")
        ingest(settings, [tmp_path / name], case="c", activity="a", time="t")
    assert ("mined together" in caplog.text) is warned


def test_what_is_hidden_in_a_folder_is_left_out_but_the_folder_itself_may_be(settings, tmp_path):
    folder = tmp_path / ".retrace" / "in"
    (folder / ".trash").mkdir(parents=True)
    write_log(folder / "a.csv", range(3))
    write_log(folder / ".trash" / "b.csv", range(3, 9))
    assert ingest(settings, [folder], **COLUMNS).accepted == 12


def test_of_rows_that_came_together_every_home_takes_the_same(tmp_path):
    """Master data that say two things of one key at once: no chance which of them is believed."""
    head = "sku,family,base_uom,pack_factor,std_cost,primary_supplier_id\n"
    rows = [f"S{n},{family},EA,1,{cost},V1\n" for n in range(200) for family, cost in TOLD]
    believed = []
    for number, order in enumerate([rows, rows[::-1]]):
        home = Settings.load(tmp_path / str(number))
        path = tmp_path / f"items-{number}.csv"
        path.write_text(head + "".join(order))
        ingest(home, [path], mapping="master_items")
        con = Lake(home.home).connect()
        query = f"select sku, family, std_cost from items {newest('items', 'sku')} order by sku"
        believed.append(con.execute(query).fetchall())
    assert believed[0] == believed[1]
    assert len(believed[0]) == 200
