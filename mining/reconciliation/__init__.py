"""Reconciliation: what warehouse, ERP, customer and supplier records do not agree on."""

from mining.reconciliation.findings import NAMES, Break, Reconciliation
from mining.reconciliation.frames import reconcile_frames
from mining.reconciliation.policy import Pass, Policy, Tolerances

__all__ = [
    "NAMES",
    "Break",
    "Pass",
    "Policy",
    "Reconciliation",
    "Tolerances",
    "reconcile_frames",
]
