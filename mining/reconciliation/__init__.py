"""Reconciliation: what warehouse, ERP, customer and supplier records do not agree on."""

from mining.reconciliation.availability import promise_gap
from mining.reconciliation.balances import RollForward, read_balances, roll_forward
from mining.reconciliation.findings import NAMES, Break, Reconciliation
from mining.reconciliation.frames import reconcile_frames
from mining.reconciliation.incremental import RunningReconciliation
from mining.reconciliation.lags import ageing, close_out, lags
from mining.reconciliation.lakes import reconcile
from mining.reconciliation.ledger import UnitLedger, break_edges, edge_totals, unit_ledger
from mining.reconciliation.policy import Pass, Policy, Tolerances
from mining.reconciliation.ranking import fit_clearing, rank_breaks
from mining.reconciliation.reserves import Reserves, reserves
from mining.reconciliation.signoff import PeriodEnd, period_end, write_signoff
from mining.reconciliation.vendors import VendorReturns, vendor_returns

__all__ = [
    "NAMES",
    "Break",
    "Pass",
    "PeriodEnd",
    "Policy",
    "Reconciliation",
    "Reserves",
    "RollForward",
    "RunningReconciliation",
    "Tolerances",
    "UnitLedger",
    "VendorReturns",
    "ageing",
    "break_edges",
    "close_out",
    "edge_totals",
    "fit_clearing",
    "lags",
    "period_end",
    "promise_gap",
    "rank_breaks",
    "read_balances",
    "reconcile",
    "reconcile_frames",
    "reserves",
    "roll_forward",
    "unit_ledger",
    "vendor_returns",
    "write_signoff",
]
