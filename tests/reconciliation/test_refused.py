"""An unsupported posting points at the refused record that would support it."""

import json

import pandas as pd

from mining.reconciliation import reconcile_frames
from mining.reconciliation.refused import explain_refused, file_by_text


def test_a_refused_record_of_the_line_is_named():
    posting = {"movement_id": "E1", "line": "R26000001:2", "sku": "S1", "quantity": 3.0}
    frame = pd.DataFrame([posting | {"occurred_at": pd.Timestamp("2026-03-03T12:00Z")}])
    found = reconcile_frames(frame.iloc[:0], frame)
    mine = {"rma": "R26000001", "item": {"line": 2, "sku": "S1"}, "day": "31/02/2026"}
    rows = [
        {"quarantine_id": "q0", "raw": b"\xff not json"},
        {"quarantine_id": "q1", "raw": json.dumps(mine | {"item": {"line": 1, "sku": "S1"}})},
        {"quarantine_id": "q2", "raw": json.dumps(mine).encode()},
    ]
    [one] = explain_refused(found.breaks, file_by_text(rows))
    assert "in quarantine as q2" in one.explanation
    assert (one.confidence, one.break_id) == ("suggested", found.breaks[0].break_id)
    assert explain_refused(found.breaks, {}) == list(found.breaks)
