"""What makes an EPCIS event acceptable: fields, types, times, actions and the core vocabulary.

Follows EPCIS 1.2 and 2.0 and the core business vocabulary; an event that breaks a rule is refused
with its name. Fields of other namespaces are free; a field without namespace must be a known one.
"""

import re
from datetime import date, datetime
from typing import Any

from ingestion.codes import read_codes

Event = dict[str, Any]

EVENT_TYPES = frozenset(
    {
        "ObjectEvent",
        "AggregationEvent",
        "AssociationEvent",
        "TransactionEvent",
        "TransformationEvent",
    }
)
ACTIONS = frozenset({"ADD", "OBSERVE", "DELETE"})
ID_LISTS = ("epcList", "childEPCs", "inputEPCList", "outputEPCList")
QUANTITY_LISTS = ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList")
_COMMON = frozenset(
    {
        "type",
        "@context",
        "eventTime",
        "recordTime",
        "eventTimeZoneOffset",
        "eventID",
        "errorDeclaration",
        "certificationInfo",
        "bizStep",
        "disposition",
        "persistentDisposition",
        "readPoint",
        "bizLocation",
        "bizTransactionList",
        "sourceList",
        "destinationList",
        "sensorElementList",
    }
)
_OWN = {
    "ObjectEvent": {"action", "epcList", "quantityList", "ilmd"},
    "AggregationEvent": {"action", "parentID", "childEPCs", "childQuantityList"},
    "AssociationEvent": {"action", "parentID", "childEPCs", "childQuantityList"},
    "TransactionEvent": {"action", "parentID", "epcList", "quantityList"},
    "TransformationEvent": {
        "inputEPCList",
        "inputQuantityList",
        "outputEPCList",
        "outputQuantityList",
        "transformationID",
        "ilmd",
    },
}
_PARTS = {
    "readPoint": {"id"},
    "bizLocation": {"id"},
    "errorDeclaration": {"declarationTime", "reason", "correctiveEventIDs"},
    "persistentDisposition": {"set", "unset"},
    "ilmd": set(),
}
_ENTRIES = {
    "bizTransactionList": {"type", "bizTransaction"},
    "sourceList": {"type", "source"},
    "destinationList": {"type", "destination"},
    **{name: {"epcClass", "quantity", "uom"} for name in QUANTITY_LISTS},
}
_ROLES = frozenset({"owning_party", "possessing_party", "location"})
_TRANSACTIONS = frozenset(
    {"bol", "cert", "desadv", "inv", "pedigree", "po", "poc", "prodorder", "recadv", "rma"}
    | {"testprd", "testres", "upevt"}
)
_NEED_A_PARENT = frozenset({("AggregationEvent", "ADD"), ("AggregationEvent", "DELETE")})
_ERRORS = frozenset({"did_not_occur", "incorrect_data"})
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)")
_OFFSET = re.compile(r"[+-](0\d|1[0-4]):[0-5]\d")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
_CBV = re.compile(
    r"(?:urn:epcglobal:cbv:(?:bizstep|disp|btt|sdt|er):"
    r"|https?://ref\.gs1\.org/cbv/(?:BizStep|Disp|BTT|SDT|ER)-"
    r"|cbv:(?:BizStep|Disp|BTT|SDT|ER)-)(.+)"
)


class BrokenRule(Exception):
    """An event or document breaks a rule; becomes a refused record."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        super().__init__(detail)


def require(holds: object, reason: str, detail: str) -> None:
    if not holds:
        raise BrokenRule(reason, detail)


def check_event(event: Any) -> Event:
    """Answer the event if it keeps every rule.

    Raises
    ------
    BrokenRule
    """
    require(isinstance(event, dict), "not_an_event", "an event must be an object")
    kind = event.get("type")
    known = isinstance(kind, str) and kind in EVENT_TYPES
    require(known, "unknown_event_type", f"{kind!r} is no EPCIS event type")
    _check_fields(event, _COMMON | _OWN[kind], kind)
    _check_times(event)
    _check_action(event)
    _check_words(event)
    _check_lists(event)
    _check_parts(event)
    _check_what(event)
    return dict(event)


def word(value: str) -> str:
    """The bare word of a vocabulary value: ``urn:epcglobal:cbv:bizstep:receiving`` -> receiving."""
    found = _CBV.fullmatch(value)
    return found[1] if found else value


def is_time(value: object) -> bool:
    """Whether this is a date and time with its offset, and exists."""
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _check_fields(part: Event, known: frozenset[str] | set[str], where: str) -> None:
    for name in part:
        allowed = name in known or ":" in name or name == "@context"
        require(
            allowed,
            "unknown_field",
            f"{where} has no field {name!r}; fields of your own need a namespace",
        )


def _check_times(event: Event) -> None:
    require("eventTime" in event, "missing_event_time", "eventTime is missing")
    for name in ("eventTime", "recordTime"):
        if name in event:
            require(
                is_time(event[name]),
                "unreadable_event_time",
                f"{name} {event[name]!r} is not like 2026-07-22T06:45:00+02:00",
            )
    offset = event.get("eventTimeZoneOffset")
    require(offset, "missing_zone_offset", "eventTimeZoneOffset is missing")
    require(
        isinstance(offset, str) and _OFFSET.fullmatch(offset),
        "bad_zone_offset",
        f"eventTimeZoneOffset {offset!r} is not like +02:00",
    )


def _check_action(event: Event) -> None:
    if event["type"] == "TransformationEvent":
        return
    action = event.get("action")
    require(action, "missing_action", "action is missing")
    known = isinstance(action, str) and action in ACTIONS
    require(known, "unknown_action", f"action {action!r} is not ADD, OBSERVE or DELETE")


def _check_words(event: Event) -> None:
    for name, list_name in (("bizStep", "cbv_bizstep"), ("disposition", "cbv_disposition")):
        if name in event:
            _check_word(event[name], frozenset(read_codes(list_name)), name)
    lasting = event.get("persistentDisposition")
    if isinstance(lasting, dict):
        for values in (lasting.get("set", []), lasting.get("unset", [])):
            require(isinstance(values, list), "bad_type", "persistentDisposition holds lists")
            for value in values:
                _check_word(value, frozenset(read_codes("cbv_disposition")), "disposition")


def _check_word(value: Any, known: frozenset[str], name: str) -> None:
    """A bare word, or one in the vocabulary's own namespace, must be in the vocabulary."""
    require(isinstance(value, str) and value, "bad_type", f"{name} must be a text")
    found = _CBV.fullmatch(value)
    own = found is None and _URI.fullmatch(value)
    reason = {"bizStep": "unknown_biz_step", "disposition": "unknown_disposition"}
    require(
        own or word(value) in known,
        reason.get(name, "unknown_code"),
        f"{name} {value!r} is not in the core business vocabulary",
    )


def _check_lists(event: Event) -> None:
    for name in ID_LISTS:
        for identifier in _list(event, name):
            _check_uri(identifier, name)
    for name, known in _ENTRIES.items():
        for entry in _list(event, name):
            require(isinstance(entry, dict), "bad_type", f"{name} holds objects")
            _check_fields(entry, known, name)
    for name in QUANTITY_LISTS:
        for entry in _list(event, name):
            _check_uri(entry.get("epcClass"), f"epcClass in {name}")
            _check_quantity(entry)
    for entry in _list(event, "bizTransactionList"):
        _check_uri(entry.get("bizTransaction"), "bizTransaction")
        _check_role(entry, _TRANSACTIONS, required=False)
    for name in ("source", "destination"):
        for entry in _list(event, f"{name}List"):
            _check_uri(entry.get(name), name)
            _check_role(entry, _ROLES, required=True)
    for element in _list(event, "sensorElementList"):
        require(isinstance(element, dict), "bad_type", "sensorElementList holds objects")


def _check_role(entry: Event, known: frozenset[str], *, required: bool) -> None:
    role = entry.get("type")
    require(role or not required, "missing_field", "a source or destination needs a type")
    if role:
        plain = isinstance(role, str) and (":" in role or role in known)
        require(plain, "unknown_code", f"type {role!r} is not one of {', '.join(sorted(known))}")


def _list(event: Event, name: str) -> list[Any]:
    values = event.get(name, [])
    require(isinstance(values, list), "bad_type", f"{name} must be a list")
    return list(values)


def _check_uri(value: object, name: str) -> None:
    is_uri = isinstance(value, str) and _URI.fullmatch(value)
    require(is_uri, "bad_identifier", f"{name} {value!r} is not a URI")


def _check_quantity(entry: Event) -> None:
    if "quantity" not in entry:
        return
    value = entry["quantity"]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    require(is_number, "bad_quantity", f"quantity {value!r} is not a number")


def _check_parts(event: Event) -> None:
    for name, known in _PARTS.items():
        if name in event:
            require(isinstance(event[name], dict), "bad_type", f"{name} must be an object")
            _check_fields(event[name], known, name)
    for name in ("readPoint", "bizLocation"):
        if name in event:
            _check_uri(event[name].get("id"), f"id of {name}")
    if "eventID" in event:
        _check_uri(event["eventID"], "eventID")
    if "errorDeclaration" in event:
        _check_error(event["errorDeclaration"])
    _check_certificates(event.get("certificationInfo"))


def _check_error(error: Event) -> None:
    declared = error.get("declarationTime")
    require(is_time(declared), "unreadable_event_time", f"declarationTime {declared!r} is no time")
    if "reason" in error:
        _check_word(error["reason"], _ERRORS, "errorDeclaration.reason")
    corrections = _list(error, "correctiveEventIDs")
    for corrected in corrections:
        _check_uri(corrected, "correctiveEventID")
    never = word(str(error.get("reason"))) == "did_not_occur"
    require(
        not (never and corrections),
        "contradictory_error",
        "an event that did not occur cannot be corrected by another",
    )


def _check_certificates(value: Any, depth: int = 0) -> None:
    """Dates inside certificates must be dates."""
    if isinstance(value, list) and depth < 8:
        for entry in value:
            _check_certificates(entry, depth + 1)
    elif isinstance(value, dict) and depth < 8:
        for name, entry in value.items():
            if name.endswith("Date") and isinstance(entry, str):
                require(_is_date(entry), "bad_certificate", f"{name} {entry!r} is not a date")
            _check_certificates(entry, depth + 1)


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return False
    return True


def _check_what(event: Event) -> None:
    """Every event is about something."""
    kind = event["type"]
    if kind == "TransactionEvent":
        require(event.get("bizTransactionList"), "missing_field", "bizTransactionList is missing")
    if "parentID" in event:
        _check_uri(event["parentID"], "parentID")
    elif kind == "AssociationEvent" or (
        kind == "AggregationEvent" and event["action"] != "OBSERVE"
    ):
        raise BrokenRule("missing_field", "parentID is missing")
    names = _OWN[kind] & {*ID_LISTS, *QUANTITY_LISTS, "parentID", "transformationID"}
    about = any(event.get(name) for name in (*names, "sensorElementList", "bizTransactionList"))
    if kind == "ObjectEvent":
        about = any(event.get(name) for name in (*names, "sensorElementList"))
    require(about, "missing_identifiers", f"the {kind} names no object at all")
