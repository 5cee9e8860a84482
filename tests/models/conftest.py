"""Small generated material for the models' tests: logs in words, lines with a planted rule."""

from datetime import UTC, datetime, timedelta

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ingestion.schema import EVENTS
from models.encoder import Encoder
from models.encoder_export import encoder_folder
from models.examples import examples
from models.items import NUMBERS, Items

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def _event(number, case, activity, hours, **columns):
    moment = MONDAY + timedelta(hours=float(hours))
    return {
        "event_id": f"e{number:05d}",
        "case_id": case,
        "activity": activity,
        "occurred_at": moment,
        "recorded_at": moment,
        "ingested_at": moment,
        "source_seq": number,
        "delivery_id": "d",
        **columns,
    }


@pytest.fixture(scope="session")
def lake_of():
    """A connection with a view ``events`` of (case, activity, hours, columns) tuples."""

    def build(*rows):
        events = [_event(n, case, act, h, **cols) for n, (case, act, h, cols) in enumerate(rows)]
        table = pa.Table.from_pylist(events, schema=EVENTS)
        con = duckdb.connect()
        con.execute("set TimeZone = 'UTC'")
        con.register("events", table)
        return con

    return build


@pytest.fixture(scope="session")
def encoder():
    return Encoder.load(encoder_folder())


def _numbers(**known):
    return np.array([float(known.get(name, np.nan)) for name in NUMBERS])


@pytest.fixture(scope="session")
def items():
    """Three items: a plain drill, a regulated pill, a hazardous spray."""
    rows = [
        _numbers(std_cost=40, list_price=80, contract_credit_share=0.9, regulated=0, hazmat=0),
        _numbers(std_cost=5, list_price=9, regulated=1, hazmat=0),
        _numbers(std_cost=3, list_price=6, regulated=0, hazmat=1),
    ]
    return Items(
        ("DRILL", "PILL", "SPRAY"),
        ("tools", "health", "beauty"),
        ("QUALITY", "", ""),
        np.array(rows),
    )


NOTES = {
    "QUALITY.DOA": ["does not power on", "dead on arrival, no function", "never powered up"],
    "TRANSIT.DAMAGED": ["crushed by carrier", "wet skid, carrier damage", "hole in carton"],
    "CHOICE.UNWANTED": ["customer changed mind", "not wanted any more", "no longer needs it"],
}
FATES = {
    "FUNCTIONAL_DEFECT": "SUPPLIER_RETURN",
    "BROKEN": "SCRAP",
    "NEW_SEALED": "RESTOCK",
}
CONDITION_OF = {
    "QUALITY.DOA": "FUNCTIONAL_DEFECT",
    "TRANSIT.DAMAGED": "BROKEN",
    "CHOICE.UNWANTED": "NEW_SEALED",
}


@pytest.fixture(scope="session")
def planted_frame():
    """Snapshots in which the note tells the reason and the condition tells the fate."""
    rng = np.random.default_rng(7)
    rows = []
    for n in range(900):
        reason = str(rng.choice(list(NOTES)))
        declared = reason if rng.random() < 0.6 else str(rng.choice(list(NOTES)))
        asked = MONDAY + timedelta(hours=n)
        rows.append(
            {
                "case_id": f"R{n // 2}:{n % 2 + 1}",
                "asked_at": asked,
                "site": f"DC{n % 3 + 1}",
                "sku": "DRILL",
                "quantity": float(rng.integers(1, 5)),
                "unit_price": 80.0,
                "reason_declared": declared,
                "condition": CONDITION_OF[reason],
                "note": f"{rng.choice(NOTES[reason])} bin {rng.integers(99)}"
                if rng.random() < 0.9
                else None,
                "reason": reason,
                "fate": FATES[CONDITION_OF[reason]],
            }
        )
    return pd.DataFrame(rows)


@pytest.fixture(scope="session")
def material_of(planted_frame):
    """Examples of the planted frame for a task."""

    def build(task, column, fields, *, noise=0.0):
        rng = np.random.default_rng(3)
        answer = planted_frame[column].to_numpy().copy()
        flip = rng.random(len(answer)) < noise
        answer[flip] = rng.permutation(answer)[flip]
        answers = pd.DataFrame(
            {
                "case_id": planted_frame["case_id"],
                "answer": answer,
                "answered_at": planted_frame["asked_at"],
            }
        )
        frame = planted_frame.drop(columns=["reason", "fate"])
        return examples(task, frame, answers, fields)

    return build
