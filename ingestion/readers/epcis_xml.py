"""EPCIS XML, 1.2 and 2.0, as the same objects JSON-LD gives.

The schemas prescribe an element order. Senders jumble it, and nothing is ambiguous when they do;
only an action stated before the event's time zone (before its *when* is complete) is refused.
"""

from collections.abc import Callable
from typing import Any

from lxml import etree

from ingestion.readers.epcis_rules import (
    EVENT_TYPES,
    ID_LISTS,
    QUANTITY_LISTS,
    BrokenRule,
    Event,
    require,
)

ROOTS = frozenset({"EPCISDocument", "EPCISQueryDocument", *EVENT_TYPES})
_WRAPPERS = frozenset({"extension", "baseExtension"})
_PLAIN = "urn:epcglobal:epcis"
MAX_DEPTH = 40

Element = Any  # an lxml element; the package has no types


def local(element: Element) -> str:
    return str(etree.QName(element).localname)


def children(element: Element) -> list[Element]:
    """Child elements; comments and processing instructions are left out."""
    return [child for child in element if isinstance(child.tag, str)]


def event_elements(root: Element) -> list[Element]:
    """The event elements of a document, in order; the root itself if it is a bare event."""
    if local(root) in EVENT_TYPES:
        return [root]
    require(root.get("schemaVersion"), "missing_field", "schemaVersion is missing")
    bodies = [child for child in children(root) if local(child) == "EPCISBody"]
    require(bodies, "missing_field", "EPCISBody is missing")
    polls = [child for child in children(bodies[0]) if local(child) == "Poll"]
    if polls:
        _check_poll(polls[0])
        return []
    lists = [found for found in bodies[0].iter("{*}EventList") if isinstance(found.tag, str)]
    require(lists, "missing_field", "EventList is missing")
    found: list[Element] = []
    for child in children(lists[0]):
        found += children(child) if local(child) in _WRAPPERS else [child]
    return [inner for child in found for inner in _unwrapped(child)]


def _unwrapped(element: Element) -> list[Element]:
    """Events that a 1.2 document hides in a second ``extension``."""
    return children(element) if local(element) in _WRAPPERS else [element]


def _check_poll(poll: Element) -> None:
    """A query asks for events and brings none; it must still be a proper one."""
    require(poll.findtext("{*}queryName"), "bad_query", "the query has no queryName")
    for param in poll.iter("{*}param"):
        name, value = param.findtext("{*}name"), param.find("{*}value")
        filled = value is not None and (len(value) or (value.text or "").strip())
        require(name and filled, "bad_query", f"the query's parameter {name!r} has no value")


def read_event(element: Element) -> Event:
    """Turn an event element into the object its JSON form would be."""
    require(
        local(element) in EVENT_TYPES,
        "unknown_event_type",
        f"{local(element)!r} is no EPCIS event type",
    )
    _check_order(element)
    event: Event = {"type": local(element)}
    _gather(event, element, 0)
    return event


def _check_order(element: Element) -> None:
    names = [local(child) for child in children(element)]
    if "action" in names and "eventTimeZoneOffset" in names:
        require(
            names.index("eventTimeZoneOffset") < names.index("action"),
            "wrong_element_order",
            "action stands before eventTime and eventTimeZoneOffset",
        )


def _gather(event: Event, element: Element, depth: int) -> None:
    require(depth < MAX_DEPTH, "too_deep", f"elements are nested more than {MAX_DEPTH} deep")
    for child in children(element):
        name = local(child)
        if name in _WRAPPERS and not etree.QName(child).namespace:
            _gather(event, child, depth + 1)
            continue
        key, value = _key(child), _value(name, child)
        if key in event and key not in {"sensorElementList"}:
            require(":" in key, "repeated_field", f"{key} occurs twice")
            before = event[key]
            value = [*before, value] if isinstance(before, list) else [before, value]
        event[key] = value


def _key(element: Element) -> str:
    name = etree.QName(element)
    if not name.namespace or name.namespace.startswith(_PLAIN):
        return str(name.localname)
    return f"{element.prefix or name.namespace}:{name.localname}"


def _value(name: str, element: Element) -> Any:
    for names, read in _LIST_ENTRIES:
        if name in names:
            return [read(child) for child in children(element)]
    if name == "persistentDisposition":
        wanted: dict[str, list[str]] = {}
        for child in children(element):
            wanted.setdefault(_key(child), []).append(_text(child))
        return wanted
    if name == "errorDeclaration":
        return _error(element)
    if name == "ilmd" or children(element):
        return {key: value for key, value in _members(element, 0).items() if key != "extension"}
    return _text(element)


def _text(element: Element) -> str:
    return (element.text or "").strip()


def _quantity(element: Element) -> Event:
    entry: Event = {}
    for child in children(element):
        entry[_key(child)] = _text(child)
    if not entry.get("quantity"):
        entry.pop("quantity", None)
    else:
        try:
            entry["quantity"] = float(entry["quantity"])
        except ValueError as error:
            raise BrokenRule(
                "bad_quantity", f"quantity {entry['quantity']!r} is not a number"
            ) from error
    return entry


def _typed(element: Element) -> Event:
    entry: Event = {_key(element): _text(element)}
    return entry | ({"type": element.get("type")} if element.get("type") else {})


def _error(element: Element) -> Event:
    error: Event = {}
    for child in children(element):
        key = _key(child)
        if key == "correctiveEventIDs":
            error[key] = [_text(identifier) for identifier in children(child)]
        elif key != "extension":
            error[key] = _tree(child, 0) if len(child) else _text(child)
    return error


def _members(element: Element, depth: int) -> Event:
    members: Event = {}
    for child in children(element):
        key, value = _key(child), _tree(child, depth + 1)
        if key in members:
            before = members[key]
            value = [*before, value] if isinstance(before, list) else [before, value]
        members[key] = value
    return members


def _tree(element: Element, depth: int) -> Any:
    """Any element as an object: attributes, children, or its text."""
    require(depth < MAX_DEPTH, "too_deep", f"elements are nested more than {MAX_DEPTH} deep")
    members = {str(name): value for name, value in element.attrib.items()}
    members |= _members(element, depth)
    return members or _text(element)


_LIST_ENTRIES: tuple[tuple[tuple[str, ...], Callable[[Element], Any]], ...] = (
    (ID_LISTS, _text),
    (QUANTITY_LISTS, _quantity),
    (("bizTransactionList", "sourceList", "destinationList"), _typed),
    (("sensorElementList",), lambda element: _tree(element, 0)),
)
