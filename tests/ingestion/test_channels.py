"""Middleware counters from message events, checked by hand."""

import pytest

from ingestion.channels import channels
from ingestion.intake import ingest
from ingestion.lake import Lake

ERRORS = {("m2", 5): "E_TIMEOUT", ("m3", 1): "E_LOCK", ("m3", 4): "E_PERIOD", ("m4", 4): "E_PERIOD"}
STEPS = [  # message, step, minute
    ("m1", "Message produced", 0),
    ("m1", "Message received", 1),
    ("m2", "Message produced", 0),
    ("m2", "Message failed", 5),
    ("m2", "Message retried", 9),
    ("m2", "Message received", 65),
    ("m2", "Message duplicate ignored", 66),
    ("m3", "Message produced", 0),
    ("m3", "Message failed", 1),
    ("m3", "Message retried", 2),
    ("m3", "Message retried", 3),
    ("m3", "Message dead-lettered", 4),
    ("m4", "Message produced", 0),
    ("m4", "Message dead-lettered", 4),
    ("m4", "Message replayed", 124),
]


def test_failures_repairs_and_latencies_are_counted_per_interface(settings, tmp_path):
    rows = [
        f"R1:1,{step},2024-01-01 {minute // 60:02d}:{minute % 60:02d}:00,{message},DC1,POSTING,"
        f"{ERRORS.get((message, minute), '')}"
        for message, step, minute in STEPS
    ]
    path = tmp_path / "log.csv"
    path.write_text(
        "case_id,activity,occurred_at,message_id,site,interface,error\n" + "\n".join(rows) + "\n"
    )
    ingest(settings, [path])
    [found] = channels(Lake(settings.home))
    assert (found.interface, found.site, found.messages) == ("POSTING", "DC1", 4)
    assert (found.failed, found.retried, found.duplicates) == (3, 3, 1)
    assert (found.dead_lettered, found.still_failed) == (2, 1)
    assert (found.replayed, found.replayed_well) == (1, 1)
    assert found.failure_rate == 0.25
    assert found.errors == {"E_TIMEOUT": 1, "E_PERIOD": 2}  # the last error of each message
    assert found.posting_errors == 2  # the transport's own failures are not the receiver's
    assert found.replay_success == 1.0
    assert found.latency_p50_s == pytest.approx((60 + 65 * 60) / 2)
    assert found.repair_h == pytest.approx((1 + 2) / 2)
    [today] = channels(Lake(settings.home), by_day=True)
    assert today.day.isoformat() == "2024-01-01"


def test_a_log_without_messages_has_no_channels(settings, tmp_path):
    (tmp_path / "log.csv").write_text("case_id,activity,occurred_at\n1,a,2024-01-01\n")
    ingest(settings, [tmp_path / "log.csv"])
    assert channels(Lake(settings.home)) == []
