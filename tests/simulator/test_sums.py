"""Postings summed over lines at one site: they say what the lines moved, and name none of them."""

import duckdb
import pytest

from ingestion.simulator.network import SUMMING_SITE


@pytest.fixture(scope="module")
def books(sim_dir):
    """Postings of the ERP, movements of the legacy files, and the truth's events."""
    con = duckdb.connect()
    sources, truth = sim_dir / "sources", sim_dir / "truth"
    con.execute(
        f"create view posted as select mat_doc, plant, qty::int as qty, stock_type, follow_up, "
        f"rma_no, rma_item, serial_no from "
        f"read_csv('{sources}/erp/material*.csv.gz', all_varchar=true)"
    )
    con.execute(f"create view happened as select * from '{truth}/events.parquet'")
    con.execute(
        "create view sums as select *, mat_doc as document from posted where rma_no is null"
    )
    con.execute(
        f"create view moved as select RMANO || ':' || LNNO as case_id, ITEMNO, QTY::double as qty,"
        f" STAT, DISP, BUSDATE from read_csv('{sources}/wms_legacy/{SUMMING_SITE}/*.csv', "
        "all_varchar=true) where TXN = 'PUT'"
    )
    return con


def test_only_transfers_of_one_site_are_summed_and_none_with_a_serial(books):
    rows = books.sql(
        "select count(*), count(distinct plant), any_value(plant), count(serial_no), "
        "count(rma_item), count(*) filter (where stock_type is null) from sums"
    ).fetchall()[0]
    assert rows[0] >= 10
    assert rows[1:] == (1, SUMMING_SITE, 0, 0, 0)


def test_a_sum_holds_two_lines_or_more_of_one_item_and_all_they_moved(books):
    parts = books.sql(
        """
        select sums.document, any_value(sums.qty) as whole,
            count(*) as lines, count(distinct moved.ITEMNO) as items, sum(moved.qty) as together,
            count(distinct moved.BUSDATE) as days
        from sums
        join happened on happened.document_id = sums.document and happened.activity = 'E02'
        join moved on moved.case_id = happened.case_id and moved.DISP = sums.follow_up
        group by sums.document
        """
    ).fetchall()
    whole = [row for row in parts if row[4] == row[1] and row[3] == row[5] == 1]
    assert all(row[2] >= 2 for row in whole)
    [[sums]] = books.sql("select count(*) from sums").fetchall()
    assert len(whole) >= 0.85 * sums  # rows get lost


def test_every_line_of_a_sum_has_its_event_in_the_truth(books):
    lines = books.sql(
        "select count(*) from happened join sums on happened.document_id = sums.document "
        "where happened.activity = 'E02' group by sums.document"
    ).fetchall()
    assert lines
    assert min(lines)[0] >= 2
