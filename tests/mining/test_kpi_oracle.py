"""KPIs against a plain computation on the raw events, and against the simulator's truth."""

import pandas as pd
import pytest

from ingestion.lake import Lake
from ingestion.vocabulary import Activity
from mining import kpis, load

lifelines = pytest.importorskip("lifelines")
INTERIM = {"PENDING", "REFURBISH", "QUARANTINE", "CUSTOMER_DISPUTE"}


@pytest.fixture(scope="module")
def figures(small_home):
    frame = kpis(load(small_home)).frame
    return frame.set_index(["id", frame["site"].fillna("")])


@pytest.fixture(scope="module")
def events(small_home):
    """The raw events of the lake, in order."""
    query = (
        "select * exclude (occurred_at), occurred_at from events "
        "order by case_id, occurred_at, source_seq, event_id"
    )
    lake = Lake(small_home).connect()
    return lake.sql(query).to_arrow_table().to_pandas()


@pytest.fixture(scope="module")
def modern(events):
    """Events of the lines of sites that report times (no estimate is needed for them)."""
    legacy = events.loc[events["confidence"] == "inferred", "site"].unique()
    site = events.groupby("case_id")["site"].first()
    return events[~events["case_id"].map(site).isin(legacy)]


def first(events, activity):
    return events[events["activity"] == activity].groupby("case_id")["occurred_at"].min()


def last(events, activity):
    return events[events["activity"] == activity].groupby("case_id")["occurred_at"].max()


def days(begins, ends):
    return (ends - begins).dt.total_seconds() / 86_400


def lines_of(events, site):
    opened_at = events.groupby("case_id")["site"].first()
    return events[events["case_id"].map(opened_at) == site]


def test_arrival_to_close_equals_lifelines_on_the_raw_events(modern, figures):
    as_of = modern["recorded_at"].max()
    for site in ("DC1", "DC2", "DC3"):
        lines = lines_of(modern, site)
        frame = pd.DataFrame(
            {
                "begins": first(lines, "Arrive").combine_first(first(lines, "Receive")),
                "closed": last(lines, "Close return"),
                "reopened": last(lines, "Reopen return"),
                "decided": last(
                    lines.replace({"activity": {"Override disposition": "Decide disposition"}}),
                    "Decide disposition",
                ),
                "moved": last(lines, "Post stock transfer"),
                "credited": last(lines, "Post credit memo"),
            }
        )
        frame = frame[frame["begins"].notna()]
        assert (
            not lines[lines["case_id"].isin(frame.index)]["activity"]
            .isin(["Cancel return", "Expire return", "Reject return"])
            .any()
        )  # nothing competes once goods have arrived, so Kaplan-Meier is the whole truth
        frame["closed"] = frame["closed"].where(~(frame["reopened"] > frame["closed"]))
        final = frame[["decided", "moved", "credited"]].max(axis=1)
        final = final.where(final.notna() & frame["reopened"].isna(), frame["closed"])
        ended = frame["closed"].notna()
        spent = days(frame["begins"], final.where(ended, as_of))
        theirs = lifelines.KaplanMeierFitter().fit(spent, ended)
        row = figures.loc[("return_cycle_time_controllable", site)]
        assert row["n"] == len(frame)
        assert row["open_share"] == pytest.approx(1 - ended.mean())
        curve = theirs.survival_function_.iloc[:, 0]
        for q in (0.5, 0.9):
            reached = curve.index[curve <= 1 - q + 1e-9][0]
            assert row[f"p{round(100 * q)}"] == pytest.approx(reached, rel=1e-6)


def test_shares_equal_plain_counts(events, figures):
    terminal = events[events["disposition"].notna() & ~events["disposition"].isin(INTERIM)]
    decided = terminal[terminal["activity"].isin(["Decide disposition", "Override disposition"])]
    executed = terminal[terminal["activity"] == "Execute disposition"]
    both = pd.DataFrame(
        {
            "first": decided.groupby("case_id")["disposition"].first(),
            "done": executed.groupby("case_id")["disposition"].last(),
        }
    )
    accuracy = figures.loc[("disposition_accuracy", "")]
    known = both[both["first"].notna() & both["done"].notna()]
    # legacy sites' order within a day is estimated; no decision of theirs is
    assert accuracy["value"] == pytest.approx((known["first"] == known["done"]).mean(), abs=0.002)
    assert accuracy["n"] == both["first"].notna().sum()

    messages = events[events["activity"].str.startswith("Message ")]
    kinds = messages.groupby("message_id")["activity"].agg(set)
    failed = kinds.map(lambda seen: bool(seen & {"Message failed", "Message dead-lettered"}))
    replayed = kinds.map(lambda seen: "Message replayed" in seen)
    doubled = kinds.map(lambda seen: "Message duplicate ignored" in seen)
    assert figures.loc[("message_failure_share", ""), "value"] == pytest.approx(failed.mean())
    open_failures = (failed & ~replayed).mean()
    assert figures.loc[("integration_failure_share", ""), "value"] == pytest.approx(open_failures)
    assert figures.loc[("message_duplicate_share", ""), "value"] == pytest.approx(doubled.mean())

    credited = first(events, "Post credit memo")
    received = first(events, "Receive").reindex(credited.index)
    early = (received.isna() | (credited < received)).mean()
    found = figures.loc[("credit_before_receipt_share", ""), "value"]
    assert found == pytest.approx(early, abs=0.003)  # receipts of legacy sites are estimates

    human = events[events["actor_type"] == "human"]
    touches = human.groupby("case_id")["activity"].nunique()
    there = first(events, "Receive").index
    assert figures.loc[("touches", ""), "value"] == pytest.approx(
        touches.reindex(there).fillna(0).mean()
    )


def shared_out(postings, events, truth):
    """Worth by line of the postings that name no line but post what their lines moved."""
    lines = pd.read_parquet(truth / "events.parquet")
    lines = lines[lines["activity"] == "E02"].groupby("document_id")["case_id"].agg(list)
    moved = events[events["activity"] == "Execute disposition"]
    moved = moved.groupby(["case_id", "disposition"])["quantity"].sum()
    worth = pd.Series(0.0, events["case_id"].unique())
    for row in postings[postings["case_id"] == postings["document_id"]].itertuples():
        parts = {case: moved.get((case, row.disposition), 0) for case in lines[row.document_id]}
        if sum(parts.values()) == row.quantity:
            for case, quantity in parts.items():
                worth[case] += row.worth * float(quantity / row.quantity)
    return worth


def test_money_equals_plain_sums(sim_dir, events, small_home, figures):
    lake = Lake(small_home).connect()
    items = lake.sql("select sku, cast(std_cost as double) as cost from items").to_arrow_table()
    cost = items.to_pandas().drop_duplicates("sku").set_index("sku")["cost"]
    live = events[~events["document_id"].isin(events["reversal_of"].dropna())]
    worth = live["quantity"].astype(float) * live["sku"].map(cost)
    live = live.assign(worth=worth.fillna(live["amount"].astype(float)).abs())
    received = live[live["activity"] == "Post goods receipt"].groupby("case_id")["worth"].sum()
    fates = ["SCRAP", "DONATE", "RECYCLE", "LIQUIDATE", "LOST", "FIELD_DESTROY_FOR_CREDIT"]
    lost = live[(live["activity"] == "Post stock transfer") & live["disposition"].isin(fates)]
    gross = lost.groupby("case_id")["worth"].sum().reindex(received.index).fillna(0.0)
    over_lines = shared_out(lost, events, sim_dir / "truth").reindex(received.index).sum()
    found = figures.loc[("write_off_share_gross", "")]
    assert over_lines > 0
    assert found["value"] == pytest.approx((gross.sum() + over_lines) / received.sum())
    assert found["n"] == len(received)


def test_estimated_times_come_nearer_to_the_truth_than_the_files_own(sim_dir, small_home, events):
    from mining.milestones import Milestones

    names = {activity.name: activity.value for activity in Activity}
    truth = pd.read_parquet(sim_dir / "truth" / "events.parquet")
    truth = truth.assign(activity=truth["activity"].map(names))
    log = load(small_home)
    lines = Milestones(log, log.slice()).lines
    lines = lines[lines["dated"] > 0].set_index("case_id")
    assert len(lines) > 300
    for stage, activity in (("received_us", "Receive"), ("inspected_us", "Finish inspection")):
        true_us = first(truth, activity).dt.as_unit("us").astype("int64")
        nominal_us = first(events, activity).dt.as_unit("us").astype("int64")
        table = pd.DataFrame({"true": true_us, "ours": lines[stage], "theirs": nominal_us}).dropna()
        same_day = (table["true"] - table["theirs"]).abs() < 18 * 3_600e6
        table = table[same_day]  # a wrong business date is another fault
        ours = (table["ours"] - table["true"]).abs().mean() / 3_600e6
        theirs = (table["theirs"] - table["true"]).abs().mean() / 3_600e6
        assert ours < 0.4 * theirs and ours < 1.5
