"""`retrace reconcile` and `retrace breaks`, as their users call them."""

import json

import pandas as pd
import pytest
from typer.testing import CliRunner

from ingestion.intake import ingest
from ingestion.settings import Settings
from mining.reconciliation import read_balances, reconcile
from mining.reconciliation.balances import BadBalances
from mining.reconciliation_commands import app


@pytest.fixture
def call(small_home, tmp_path, monkeypatch):
    """Run a command on the shared home, keeping breaks in a database of this test's own."""
    monkeypatch.setenv("RETRACE_DATABASE_URL", f"sqlite:///{tmp_path / 'own.db'}")
    runner = CliRunner()

    def run(*arguments):
        done = runner.invoke(app, [*map(str, arguments), "--home", str(small_home)])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.stdout

    return run


def test_breaks_live_from_one_reconciliation_to_the_next(call, tmp_path):
    early = json.loads(call("reconcile", "--as-of", "2026-07-10", "--json"))
    listed = json.loads(call("breaks", "list", "--limit", "100000", "--json"))
    assert listed["total"] == len(early["breaks"]) > 50
    one = listed["breaks"][0]["break_id"]
    call("breaks", "assign", one, "--to", "finance")
    call("breaks", "explain", one, "--why", "The pallet was counted twice", "--by", "ann")
    said = call("reconcile", "--signoff", tmp_path / "end.csv", "--period-end", "2026-07-31")
    assert "closed" in said
    closed = json.loads(call("breaks", "list", "--status", "closed", "--json"))["breaks"]
    assert closed
    assert all(life["history"][-1]["actor"] == "retrace" for life in closed)
    told = json.loads(call("breaks", "show", one, "--json"))
    assert [step["kind"] for step in told["history"]][:3] == ["opened", "assigned", "explained"]
    sheet = pd.read_csv(tmp_path / "end.csv", keep_default_na=False).set_index("break_id")
    assert (sheet.loc[one, "status"], sheet.loc[one, "assignee"]) == ("explained", "finance")
    assert (tmp_path / "end.html").read_text().count("<tr>") > 50
    assert "later data has been reconciled" in call("reconcile", "--as-of", "2026-07-01")


def test_looking_without_recording_leaves_no_trace(call):
    call("reconcile", "--no-record", "--json")
    assert json.loads(call("breaks", "list", "--json")) == {"breaks": [], "total": 0}


def test_a_day_is_closed_out_per_site(call):
    told = json.loads(call("reconcile", "--close-out", "2026-07-06", "--no-record", "--json"))
    assert {row["site"] for row in told["close_out"]} >= {"DC1", "DC2"}
    assert all(row["proven"] for row in told["close_out"])
    assert all(
        row["moved"] == row["moved_matched"] + row["moved_in_breaks"] for row in told["close_out"]
    )
    assert "nothing to prove" in call("reconcile", "--close-out", "1999-01-01", "--no-record")


@pytest.mark.parametrize("book", ["ledger", "reserves", "vendors"])
def test_the_books_tie(call, book):
    assert json.loads(call("books", book, "--json"))["ties"] is True
    assert "It ties" in call("books", book)


def test_what_cannot_be_promised_is_listed_for_a_day(call):
    told = json.loads(call("books", "promise", "--day", "2026-07-06", "--json"))
    assert told["day"] == "2026-07-06"
    assert sum(row["units"] for row in told["gaps"]) > 0
    assert "cannot be promised yet" in call("books", "promise")


def test_lags_and_ages_are_told_per_site(call):
    told = json.loads(call("books", "lags", "--json"))
    posting = {row["site"]: row for row in told["lags"] if row["lag"] == "posting_lag"}
    assert posting["DC1"]["p50_h"] < 1 < posting["DC5"]["business_p50_h"] < posting["DC5"]["p50_h"]
    assert sum(row["breaks"] for row in told["ages"]) > 50


def test_stock_reports_are_rolled_forward_by_the_erps_postings(call, small_home, tmp_path):
    """Balances that follow from the postings tie; an edit nobody posted is one B16."""
    rows = reconcile(small_home).movements
    posted = rows[rows["side"] == "right"]
    days = pd.to_datetime(["2026-06-20", "2026-07-10"], utc=True)
    site, sku = posted[posted["kind"] == "receipt"].groupby(["site", "sku"]).size().idxmax()
    mine = posted[(posted["site"] == site) & (posted["sku"] == sku)]
    received = mine[(mine["kind"] == "receipt") & (mine["status"] == "RETURNS_HOLD")]
    moved = mine[mine["kind"] == "transfer"]
    between = [
        frame["occurred_at"].between(*days, inclusive="right") for frame in (received, moved)
    ]
    change = received["quantity"][between[0]].sum() - moved["quantity"][between[1]].sum()
    report = pd.DataFrame(
        {
            "site": site, "sku": sku, "status": "RETURNS_HOLD",
            "at": days.map(str), "quantity": [50.0, 50.0 + change],
        }
    )  # fmt: skip
    path = tmp_path / "stock.csv"
    report.to_csv(path, index=False)
    ask = ("reconcile", "--no-record", "--json", "--balances", path)
    assert "B16" not in json.loads(call(*ask))["by_type"]
    report.loc[1, "quantity"] -= 7
    report.to_csv(path, index=False)
    [drift] = [one for one in json.loads(call(*ask))["breaks"] if one["type"] == "B16"]
    assert drift["members"] == [f"{site}|{sku}|RETURNS_HOLD"]
    assert drift["delta_quantity"] == -7


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("site,sku,status,quantity\n", "no column at"),
        ("site,sku,status,at,quantity\nD,S,HOLD,2026-07-01,x\n", "line 2: no readable quantity"),
        ("site,sku,status,at,quantity\nD,S,HOLD,soon,1\n", "line 2: no readable time"),
        ("", "cannot be read"),
    ],
)
def test_a_stock_report_that_cannot_be_used_says_where(text, says, tmp_path):
    path = tmp_path / "stock.csv"
    path.write_text(text)
    with pytest.raises(BadBalances, match=says):
        read_balances(path)


@pytest.fixture(scope="module")
def other_home(tmp_path_factory):
    """A home that holds a log of something else."""
    folder = tmp_path_factory.mktemp("other")
    (folder / "log.csv").write_text("case,step,at\nc1,A,2026-01-01\nc1,B,2026-01-02\n")
    columns = {"case": "case", "activity": "step", "time": "at"}
    ingest(Settings.load(folder / "home"), [folder / "log.csv"], **columns)
    return folder / "home"


@pytest.mark.parametrize(
    "words",
    [
        ["reconcile"],
        *(["books", book] for book in ("ledger", "reserves", "vendors", "promise", "lags")),
    ],
)
def test_a_log_of_something_else_says_why_there_is_nothing(other_home, words):
    done = CliRunner().invoke(app, [*words, "--json", "--home", str(other_home)])
    assert done.exception is None
    assert "Nothing to reconcile" in " ".join(done.stderr.split())
    told = json.loads(done.stdout)
    assert not told.get("breaks")
