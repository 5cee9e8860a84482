"""The returns vocabulary: activities, reasons, conditions, dispositions and their kin.

Codes and meanings: the domain reference, sections 1.4 and 2.1. Four words that systems mix up are
kept apart: *condition* (what a unit is), *disposition* (where it physically goes), *financial
outcome* (what the customer gets) and the authorisation status.
"""

from enum import StrEnum


class Activity(StrEnum):
    """What can happen to a return line; the member name is the domain code."""

    A01 = "Request return"
    A02 = "Validate eligibility"
    A03Q = "Request approval"
    A03 = "Approve return"
    A03R = "Reject return"
    A04 = "Create RMA"
    A04S = "Sync RMA"
    A05 = "Issue label"
    A06 = "First carrier scan"
    A07 = "Deliver to dock"
    A08 = "Arrive"
    A09 = "Receive"
    A10 = "Park in returns hold"
    A11 = "Match blind receipt"
    A12 = "Start inspection"
    A13 = "Finish inspection"
    A14 = "Split unit"
    A15 = "Recommend disposition"
    A16 = "Decide disposition"
    A17 = "Override disposition"
    A18 = "Review"
    A19 = "Execute disposition"
    A20S = "Start refurbishment"
    A20 = "Finish refurbishment"
    E01 = "Post goods receipt"
    E02 = "Post stock transfer"
    E03 = "Request credit"
    E04 = "Approve credit"
    E05 = "Post credit memo"
    E06 = "Pay credit"
    E07 = "Move reserve"
    E08 = "Reverse posting"
    S01 = "Determine supplier eligibility"
    S02 = "File supplier claim"
    S03 = "Receive supplier answer"
    S04 = "Ship to supplier"
    S05 = "Confirm supplier delivery"
    S06 = "Receive supplier credit"
    S07 = "Close supplier claim"
    X01 = "Notify customer"
    X02 = "Escalate"
    X03 = "Close return"
    X04 = "Reopen return"
    X05 = "Cancel return"
    X06 = "Expire return"
    M01P = "Message produced"
    M01R = "Message received"
    M01T = "Message retried"
    M01F = "Message failed"
    M01D = "Message dead-lettered"
    M01Y = "Message replayed"
    M01I = "Message duplicate ignored"


MESSAGE_ACTIVITIES: frozenset[str] = frozenset(
    activity.value for activity in Activity if activity.name.startswith("M01")
)
"""Middleware traffic: stored as events, kept out of process maps."""


class Reason(StrEnum):
    """Why a line comes back: family and code."""

    UNWANTED = "CHOICE.UNWANTED"
    ORDERED_IN_ERROR = "CHOICE.ORDERED_IN_ERROR"
    FIT_SIZE = "CHOICE.FIT_SIZE"
    STYLE_COLOUR = "CHOICE.STYLE_COLOUR"
    BETTER_PRICE = "CHOICE.BETTER_PRICE"
    DOA = "QUALITY.DOA"
    DEFECTIVE = "QUALITY.DEFECTIVE"
    WORKMANSHIP = "QUALITY.WORKMANSHIP"
    PACKAGING = "QUALITY.PACKAGING"
    LABEL = "QUALITY.LABEL"
    EXPIRED = "QUALITY.EXPIRED"
    SHORT_DATED = "QUALITY.SHORT_DATED"
    RECALL = "QUALITY.RECALL"
    WRONG_ITEM = "FULFIL.WRONG_ITEM"
    WRONG_QTY_OVER = "FULFIL.WRONG_QTY_OVER"
    WRONG_QTY_SHORT = "FULFIL.WRONG_QTY_SHORT"
    MISSING_PARTS = "FULFIL.MISSING_PARTS"
    NOT_AS_DESCRIBED = "FULFIL.NOT_AS_DESCRIBED"
    INCOMPATIBLE = "FULFIL.INCOMPATIBLE"
    DUPLICATE = "FULFIL.DUPLICATE"
    PAST_CANCEL = "FULFIL.PAST_CANCEL"
    LATE = "FULFIL.LATE"
    DAMAGED = "TRANSIT.DAMAGED"
    REFUSED = "TRANSIT.REFUSED"
    UNDELIVERABLE = "TRANSIT.UNDELIVERABLE"
    NOT_RECEIVED = "TRANSIT.NOT_RECEIVED"
    STOCK_ROTATION = "COMMERCIAL.STOCK_ROTATION"
    END_SEASON = "COMMERCIAL.END_SEASON"
    STOCK_REDUCTION = "COMMERCIAL.STOCK_REDUCTION"
    CORE = "COMMERCIAL.CORE"
    LOAN = "COMMERCIAL.LOAN"
    RENTAL = "COMMERCIAL.RENTAL"
    OTHER = "OTHER"
    UNKNOWN = "UNKNOWN"


class Condition(StrEnum):
    """What a returned unit is."""

    NEW_SEALED = "NEW_SEALED"
    NEW_OPENED = "NEW_OPENED"
    USED_GOOD = "USED_GOOD"
    USED_WORN = "USED_WORN"
    PKG_DAMAGED = "PKG_DAMAGED"
    COSMETIC_DAMAGE = "COSMETIC_DAMAGE"
    FUNCTIONAL_DEFECT = "FUNCTIONAL_DEFECT"
    BROKEN = "BROKEN"
    INCOMPLETE = "INCOMPLETE"
    EXPIRED = "EXPIRED"
    TEMP_EXCURSION = "TEMP_EXCURSION"
    CONTAMINATED = "CONTAMINATED"
    WRONG_ITEM = "WRONG_ITEM"
    SERIAL_MISMATCH = "SERIAL_MISMATCH"
    COUNTERFEIT = "COUNTERFEIT"
    EMPTY_OR_SUBSTITUTE = "EMPTY_OR_SUBSTITUTE"
    UNKNOWN = "UNKNOWN"


class Disposition(StrEnum):
    """The physical fate of a unit, and nothing else."""

    PENDING = "PENDING"
    RESTOCK = "RESTOCK"
    RESTOCK_B = "RESTOCK_B"
    REFURBISH = "REFURBISH"
    QUARANTINE = "QUARANTINE"
    SUPPLIER_RETURN = "SUPPLIER_RETURN"
    FIELD_DESTROY_FOR_CREDIT = "FIELD_DESTROY_FOR_CREDIT"
    SCRAP = "SCRAP"
    DONATE = "DONATE"
    RECYCLE = "RECYCLE"
    LIQUIDATE = "LIQUIDATE"
    RETURN_TO_CUSTOMER = "RETURN_TO_CUSTOMER"
    CUSTOMER_DISPUTE = "CUSTOMER_DISPUTE"
    NO_RETURN = "NO_RETURN"
    LOST = "LOST"


INTERIM_DISPOSITIONS: frozenset[str] = frozenset(
    {"PENDING", "REFURBISH", "QUARANTINE", "CUSTOMER_DISPUTE"}
)


class InventoryStatus(StrEnum):
    """Where stock stands in the books."""

    EXPECTED = "EXPECTED"
    IN_TRANSIT = "IN_TRANSIT"
    RETURNS_HOLD = "RETURNS_HOLD"
    QUALITY_HOLD = "QUALITY_HOLD"
    QUARANTINE = "QUARANTINE"
    AVAILABLE = "AVAILABLE"
    B_STOCK = "B_STOCK"
    DEFECTIVE_BLOCKED = "DEFECTIVE_BLOCKED"
    REWORK = "REWORK"
    RTV_STAGED = "RTV_STAGED"
    IN_TRANSIT_TO_VENDOR = "IN_TRANSIT_TO_VENDOR"
    SCRAPPED = "SCRAPPED"
    DISPOSED = "DISPOSED"


class FinancialOutcome(StrEnum):
    """What the customer gets."""

    CREDIT_FULL = "CREDIT_FULL"
    CREDIT_PARTIAL = "CREDIT_PARTIAL"
    CREDIT_LESS_FEE = "CREDIT_LESS_FEE"
    CREDIT_ONLY = "CREDIT_ONLY"
    REFUND_CASH = "REFUND_CASH"
    STORE_CREDIT = "STORE_CREDIT"
    REPLACE = "REPLACE"
    REPLACE_ADVANCE = "REPLACE_ADVANCE"
    REPAIR_FREE = "REPAIR_FREE"
    REPAIR_CHARGED = "REPAIR_CHARGED"
    ALLOWANCE_KEEP = "ALLOWANCE_KEEP"
    NO_CREDIT_REJECTED = "NO_CREDIT_REJECTED"
    CREDIT_REVERSED = "CREDIT_REVERSED"
    PENDING = "PENDING"


class Confidence(StrEnum):
    """How sure we are of an event's place and content."""

    EXACT = "exact"
    INFERRED = "inferred"
    PARSED_FROM_EMAIL = "parsed_from_email"
