"""Reconciliation: what warehouse, ERP, customer and supplier records do not agree on."""

from mining.reconciliation.balances import RollForward, roll_forward
from mining.reconciliation.findings import NAMES, Break, Reconciliation
from mining.reconciliation.frames import reconcile_frames
from mining.reconciliation.lags import ageing, close_out, lags
from mining.reconciliation.lakes import reconcile
from mining.reconciliation.policy import Pass, Policy, Tolerances
from mining.reconciliation.signoff import PeriodEnd, period_end, write_signoff
from mining.reconciliation.vendors import VendorReturns, vendor_returns

__all__ = [
    "NAMES",
    "Break",
    "Pass",
    "PeriodEnd",
    "Policy",
    "Reconciliation",
    "RollForward",
    "Tolerances",
    "VendorReturns",
    "ageing",
    "close_out",
    "lags",
    "period_end",
    "reconcile",
    "reconcile_frames",
    "roll_forward",
    "vendor_returns",
    "write_signoff",
]
