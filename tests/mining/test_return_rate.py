"""The return rate is by shipment, and silent where only returned shipments are known."""

import pandas as pd
import pytest

from ingestion.intake import ingest
from mining import kpi_trend, kpis, load

SHIPPED = pd.DataFrame(
    {
        "order_id": ["S1", "S2", "S3", "S4"],
        "order_line": ["1", "1", "1", "1"],
        "sku": "X1",
        "site": ["DC1", "DC1", "DC2", "DC1"],
        "quantity_shipped": [4, 2, 4, 10],
        "shipped_at": [f"{day}T10:00:00Z" for day in ("2026-01-05", "2026-02-03", "2026-02-04")]
        + ["2026-05-20T10:00:00Z"],
    }
)


def requests():
    rows = [("R1:1", "S1", 1.0, "2026-02-10"), ("R2:1", "S3", 3.0, "2026-06-01")]
    return pd.DataFrame(
        {
            "case_id": [row[0] for row in rows],
            "activity": "Request return",
            "occurred_at": [f"{row[3]}T10:00:00Z" for row in rows],
            "site": "DC1",
            "quantity": [row[2] for row in rows],
            "order": [row[1] for row in rows],
            "order_line": "1",
        }
    )


MAPPING = """
name: test_requests
format: csv
recognise: [case_id, activity, occurred_at, order, order_line]
table: events
columns:
  case_id: case_id
  activity: activity
  occurred_at: occurred_at
  site: site
  quantity: quantity
objects:
  order: order
extras:
  order_line: order_line
"""


@pytest.fixture
def home(settings, tmp_path):
    def build(shipped):
        (tmp_path / "requests.yaml").write_text(MAPPING)
        requests().to_csv(tmp_path / "requests.csv", index=False)
        shipped.to_csv(tmp_path / "order_lines.csv", index=False)
        ingest(settings, [tmp_path / "order_lines.csv"])
        ingest(settings, [tmp_path / "requests.csv"], mapping=str(tmp_path / "requests.yaml"))
        return load(settings.home)

    return build


def test_units_returned_over_units_shipped_with_the_young_as_open(home):
    log = home(SHIPPED)
    found = kpis(log, only=("return_rate",)).frame.set_index("site")
    assert found.loc["DC1", "value"] == pytest.approx(1 / 16)
    assert found.loc["DC2", "value"] == pytest.approx(3 / 4)
    assert found.loc["DC1", "open_share"] == pytest.approx(1 / 3)  # shipped twelve days ago
    trend = kpi_trend(log, "return_rate", freq="M").set_index(
        kpi_trend(log, "return_rate", freq="M")["period"].dt.strftime("%Y-%m")
    )
    assert trend["value"].to_dict() == pytest.approx(
        {"2026-01": 1 / 4, "2026-02": 3 / 6, "2026-05": 0.0}
    )


def test_a_slice_is_of_shipments(home):
    log = home(SHIPPED)
    found = kpis(log, only=("return_rate",), site="DC1", start="2026-01-01", end="2026-02-01").frame
    assert found["value"].tolist() == [1 / 4]


def test_only_returned_shipments_say_nothing_about_the_rate(home):
    log = home(SHIPPED[SHIPPED["order_id"].isin(["S1", "S3"])])
    found = kpis(log, only=("return_rate",)).frame
    assert found["value"].isna().all() and found["n"].eq(0).all()
