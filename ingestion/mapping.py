"""Mappings: one YAML file per source system says what its columns mean.

A mapping is data. It names the columns that become canonical ones, the code lists, the time zone,
the objects an event touches; whatever it does not name goes to ``extras`` and is never dropped.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from ingestion.codes import canonical_codes
from ingestion.errors import BadMapping, UnknownMapping
from ingestion.layouts import Layout
from ingestion.schema import EVENTS, REFERENCE

FOLDER = Path(__file__).parent / "mappings"
LOG = "log"
RESERVED = frozenset({"delivery_id", "ingested_at", "source", "extras"})
REQUIRED = ("case_id", "activity", "occurred_at")
_KEYS = {
    "name",
    "source",
    "format",
    "recognise",
    "table",
    "timezone",
    "time_formats",
    "decimal",
    "columns",
    "codes",
    "events",
    "objects",
    "extras",
    "version",
    "description",
    "layout",
    "extends",
}
_PLACE = re.compile(r"\{([^{}]+)\}")

Value = str | dict[str, Any]


@dataclass(frozen=True, slots=True)
class Mapping:
    """What the columns of one source mean.

    Parameters
    ----------
    name : str
        Name of the mapping; also the ``source`` of its events unless ``source`` says otherwise.
    table : str
        ``events`` or a reference table.
    columns : dict
        Canonical column -> source column, ``{"template": "{a}:{b}"}``, ``{"constant": x}``,
        ``{"column": a, "zeros": n}`` (a number that lost its leading zeros gets them back) or
        ``{"first": [..]}`` (of these, the first that is not empty).
    events : tuple of dict
        For records that state several events: what differs from ``columns`` in each.
    codes : dict
        Canonical column -> {raw code: canonical code}.
    objects : dict
        Object type -> column or template; under ``"*"`` a column that lists objects of any type as
        JSON ``[[type, id, qualifier], ..]``.
    timezone : str or dict
        Zone of naive times, or ``{"column": name, "zones": {value: zone}}``.
    layout : dict
        Of a fixed-width file, see ``ingestion.layouts``.
    """

    name: str
    source: str
    columns: dict[str, Value]
    table: str = "events"
    format: str | None = None
    recognise: tuple[str, ...] = ()
    timezone: Value = "UTC"
    time_formats: tuple[str, ...] = ()
    decimal: str = "."
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    events: tuple[dict[str, Any], ...] = ()
    objects: dict[str, Value] = field(default_factory=dict)
    extras: dict[str, str] = field(default_factory=dict)
    layout: dict[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Identity of what this mapping says: a changed mapping is another reading of a file."""
        said = {
            name: getattr(self, name)
            for name in self.__dataclass_fields__
            if name not in {"recognise"} and (name != "layout" or self.layout)
        }
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]

    @classmethod
    def from_dict(cls, said: dict[str, Any]) -> "Mapping":
        """The mapping that ``dataclasses.asdict`` wrote down."""
        tuples = {name: tuple(said[name]) for name in ("recognise", "time_formats", "events")}
        return cls(**(said | tuples))

    @property
    def generic(self) -> bool:
        """Whether this reads any event log rather than a known system."""
        return self.source == LOG

    def fits(self, format: str, columns: Iterable[str]) -> bool:
        """Whether a file of this format with these columns may be read with this mapping."""
        formats = {"csv", "parquet"} if self.format == "csv" else {self.format}
        right = self.format is None or format in formats
        return right and bool(self.recognise) and set(self.recognise) <= set(columns)


def generic_mapping(case: str, activity: str, time: str, timezone: str = "UTC") -> Mapping:
    """Mapping for any event log, from three column names."""
    columns: dict[str, Value] = {"case_id": case, "activity": activity, "occurred_at": time}
    return in_zone(Mapping(name=LOG, source=LOG, columns=columns), timezone)


def in_zone(mapping: Mapping, timezone: str) -> Mapping:
    """The same mapping with naive times read in another zone."""
    _check_zone(timezone, mapping.name)
    return replace(mapping, timezone=timezone)


def load_mapping(name: str) -> Mapping:
    """Load a mapping by the name of a shipped one or by the path of a YAML file.

    Raises
    ------
    UnknownMapping, BadMapping
    """
    path = Path(name)
    if path.suffix.lower() in {".yaml", ".yml"}:
        if not path.is_file():
            raise UnknownMapping(f"{name}: there is no such mapping file")
        return parse_mapping(path)
    shipped = FOLDER / f"{name}.yaml"
    if not shipped.is_file():
        known = ", ".join(sorted(mapping.name for mapping in shipped_mappings()))
        raise UnknownMapping(f"No mapping is called {name!r}. Known: {known}; or give a YAML file.")
    return parse_mapping(shipped)


@cache
def shipped_mappings() -> tuple[Mapping, ...]:
    """All mappings that come with Retrace, by name."""
    return tuple(parse_mapping(path) for path in sorted(FOLDER.glob("*.yaml")))


def recognise(format: str, columns: tuple[str, ...]) -> Mapping | None:
    """Find the shipped mapping that fits a file's content; the one that asks for most wins."""
    fitting = [mapping for mapping in shipped_mappings() if mapping.fits(format, columns)]
    return max(fitting, key=lambda mapping: len(mapping.recognise), default=None)


def parse_mapping(path: Path) -> Mapping:
    """Read and check one YAML mapping."""
    said = _yaml(path)
    if isinstance(said, dict) and "extends" in said:
        said = _yaml(FOLDER / f"{said['extends']}.yaml") | said
    if not isinstance(said, dict) or not isinstance(said.get("columns"), dict):
        raise BadMapping(f"{path}: a mapping needs at least a section 'columns'")
    unknown = sorted(set(said) - _KEYS)
    if unknown:
        raise BadMapping(f"{path}: unknown key {unknown[0]!r}; known: {', '.join(sorted(_KEYS))}")
    name = str(said.get("name", path.stem))
    mapping = Mapping(
        name=name,
        source=str(said.get("source", name)),
        columns=said["columns"],
        table=said.get("table", "events"),
        format=said.get("format"),
        recognise=tuple(said.get("recognise", ())),
        timezone=said.get("timezone", "UTC"),
        time_formats=tuple(said.get("time_formats", ())),
        decimal=str(said.get("decimal", ".")),
        codes={column: _codes(codes) for column, codes in said.get("codes", {}).items()},
        events=tuple(said.get("events", ())),
        objects=said.get("objects", {}),
        extras=said.get("extras", {}),
        layout=said.get("layout", {}),
    )
    _check(mapping, path)
    return mapping


def _yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadMapping(f"{path}: there is no such mapping to extend") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadMapping(f"{path}: not valid YAML ({error})".replace("\n", " ")) from error


def _codes(said: Any) -> dict[str, str]:
    """Codes written in the mapping itself, or the name of a shipped code list."""
    if isinstance(said, str):
        return canonical_codes(said)
    return {str(raw): str(code) for raw, code in said.items()}


def _check(mapping: Mapping, path: Path) -> None:
    if mapping.table != "events" and mapping.table not in REFERENCE:
        raise BadMapping(
            f"{path}: table {mapping.table!r} is not events or one of {', '.join(REFERENCE)}"
        )
    schema = EVENTS if mapping.table == "events" else REFERENCE[mapping.table]
    overrides = [key for event in mapping.events for key in event if key != "when"]
    for column in [*mapping.columns, *mapping.codes, *overrides]:
        if column not in schema.names or column in RESERVED:
            raise BadMapping(f"{path}: {column!r} is not a column of {mapping.table}")
    if mapping.table == "events":
        for event in mapping.events or ({},):
            missing = [name for name in REQUIRED if name not in mapping.columns | event]
            if missing:
                raise BadMapping(f"{path}: the mapping says nothing about {missing[0]!r}")
    if mapping.layout or mapping.format == "fixed_width":
        Layout.of(mapping.layout, path)
    zones = mapping.timezone
    for zone in zones["zones"].values() if isinstance(zones, dict) else [zones]:
        _check_zone(zone, str(path))


def _check_zone(zone: str, where: str) -> None:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise BadMapping(
            f"{where}: {zone!r} is not a time zone; try one like Europe/Berlin"
        ) from error


def source_columns(value: Value | None) -> tuple[str, ...]:
    """Names of the source columns a mapped value reads."""
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if "column" in value:
        return (str(value["column"]),)
    if "first" in value:
        return tuple(name for one in value["first"] for name in source_columns(one))
    return tuple(_PLACE.findall(str(value.get("template", ""))))
