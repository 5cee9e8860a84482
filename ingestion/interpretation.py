"""Turn a mapping into the SQL that reads raw text columns as canonical ones.

The relation ``mapped`` has one row per event (or reference row): ``rec`` (record number from 0, if
a record can state several events; else the row number is), ``part`` (which of the record's events),
``record_key``, ``problem`` and the canonical columns with their types.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from ingestion.errors import BadMapping
from ingestion.lake import literal, quoted
from ingestion.mapping import REQUIRED, RESERVED, Mapping, Value, source_columns
from ingestion.schema import EVENTS, REFERENCE
from ingestion.vocabulary import Activity

RECORD = '"record\x1fnumber"'
"""Column of ``raw_records`` with the record's number, from 0; no source names a column so."""

_ISO = "substr({x}, 5, 1) in ('-', '/')"
_OFFSET = r"regexp_matches(substr({x}, 11), '(?i)(z|[+-]\d\d(:?\d\d)?)$')"


_PERSONAL = frozenset({"actor", "customer_id"})
"""Canonical columns and extras that name a person or a customer: kept as a keyed hash."""

_PLAIN_TYPES = (
    (pa.types.is_integer, "bigint"),
    (pa.types.is_floating, "double"),
    (pa.types.is_boolean, "boolean"),
)


@dataclass(frozen=True, slots=True)
class Interpretation:
    """SQL for one delivery under one mapping.

    Parameters
    ----------
    mapped : str
        Query over ``raw`` giving the relation ``mapped``; for records with several events over
        ``raw_records`` (see ``number_records``).
    raw_record : str
        A record of ``raw`` as JSON.
    columns : tuple of str
        Canonical columns that ``mapped`` holds.
    several : bool
        Whether one record can state several events.
    """

    mapped: str
    columns: tuple[str, ...]
    objects: tuple[str, ...]
    several: bool
    producer_ids: bool
    raw_activity: str
    raw_record: str
    known_activities: frozenset[str]


def interpret(
    mapping: Mapping, columns: tuple[str, ...], *, pseudonym_key: str | None = None
) -> Interpretation:
    """Compile a mapping for a delivery with these source columns.

    Raises
    ------
    BadMapping
        A column the mapping needs is not in the delivery.
    """
    return _Compiler(mapping, columns, pseudonym_key).compile()


def number_records(con: duckdb.DuckDBPyConnection, columns: tuple[str, ...]) -> None:
    """Create ``raw_records``: ``raw`` with the number of each record under the name ``RECORD``.

    The rows are kept under names of ours, because a source may call a column ``rowid``.
    """
    kept = ", ".join(f"{quoted(name)} as c{at}" for at, name in enumerate(columns))
    again = ", ".join(f"c{at} as {quoted(name)}" for at, name in enumerate(columns))
    con.execute(f"create or replace temp table raw_rows as select {kept} from raw")
    con.execute(
        f"create or replace temp view raw_records as select rowid as {RECORD}, {again} "
        "from raw_rows"
    )


class _Compiler:
    def __init__(self, mapping: Mapping, columns: tuple[str, ...], key: str | None) -> None:
        self.mapping = mapping
        self.available = columns
        self.key = key
        self.is_events = mapping.table == "events"
        self.schema: pa.Schema = EVENTS if self.is_events else REFERENCE[mapping.table]
        self.implicit = self._columns_that_bear_a_canonical_name()
        self.personal = self._columns_that_name_somebody()

    def compile(self) -> Interpretation:
        self._check_required()
        parts = self.mapping.events or ({},)
        several = bool(self.mapping.events)
        targets = self._targets()
        coded = self.mapping.codes.get("activity", {})
        queries = [
            self._part(number, dict(part), targets, several) for number, part in enumerate(parts)
        ]
        return Interpretation(
            mapped=" union all ".join(queries),
            columns=tuple(targets),
            objects=tuple(self.mapping.objects),
            several=several,
            producer_ids="event_id" in self.mapping.columns | self.implicit,
            raw_activity="raw_activity" if coded else "activity",
            raw_record=self._raw_record(),
            known_activities=frozenset({*coded, *(activity.value for activity in Activity)}),
        )

    def _columns_that_bear_a_canonical_name(self) -> dict[str, Value]:
        spoken_for = set(self.mapping.columns)
        taken = {name for value in self.mapping.columns.values() for name in source_columns(value)}
        names = set(self.schema.names) - RESERVED - spoken_for
        return {name: name for name in self.available if name in names and name not in taken}

    def _columns_that_name_somebody(self) -> frozenset[str]:
        said = {name: name for name in self.available} | self.mapping.columns
        named = [value for target, value in said.items() if target in _PERSONAL]
        kept = [column for column, key in self._extra_keys() if key in _PERSONAL]
        return frozenset(name for value in [*named, *kept] for name in source_columns(value))

    def _extra_keys(self) -> list[tuple[str, str]]:
        """Source columns and their keys among the extras."""
        renamed = {source: key for key, source in self.mapping.extras.items()}
        return [(name, renamed.get(name, name)) for name in self.available]

    def _check_required(self) -> None:
        """Some event must be readable; one whose columns are not delivered is never stated."""
        parts = self.mapping.events or ({},)
        lacking = [next(self._lacking(dict(part)), None) for part in parts]
        if all(lacking) and lacking[0]:
            column, target = lacking[0]
            shown = ", ".join(self.available[:12])
            raise BadMapping(
                f"The delivery has no column {column!r} (needed for {target}). "
                f"Its columns are: {shown}{' ...' if len(self.available) > 12 else ''}"
            )

    def _lacking(self, part: dict[str, Any]) -> Iterator[tuple[str, str]]:
        said = self.mapping.columns | part
        for target in REQUIRED if self.is_events else (self.schema.names[0],):
            for column in source_columns(said[target]):
                if column not in self.available:
                    yield column, target

    def _targets(self) -> list[str]:
        said = set(self.mapping.columns) | set(self.implicit)
        for part in self.mapping.events:
            said |= set(part)
        return [
            name
            for name in self.schema.names
            if name in said and name not in RESERVED and name != "event_id"
        ]

    def _part(self, number: int, part: dict[str, Any], targets: list[str], several: bool) -> str:
        """One event of a record. The inner query reads each value once, under a name of ours."""
        when = part.pop("when", {})
        said = self.implicit | self.mapping.columns | part
        text = {target: self._text(said.get(target)) for target in targets}
        read = [f"{self._typed(target, text[target])} as {_read(target)}" for target in targets]
        selected = [*[f"{RECORD} as rec"] * several, f"{number} as part"]
        selected.append(f"{self._record_key(said)} as record_key")
        selected.append(f"{self._keyed(said)} as keyed")
        problem = self._problem(said, text)
        selected.append(f"{problem} as problem")
        for target in targets:
            selected.append(f"{_read(target)} as {quoted(target)}")
        if self.is_events:
            if "activity" in self.mapping.codes:
                selected.append(f"{text['activity']} as raw_activity")
            selected.append(f"{self._extras(said)} as extras")
            for kind, value in self.mapping.objects.items():
                selected.append(f"{self._object(value)} as {quoted('object ' + kind)}")
        selected.append(
            f"case when {problem} is not null then {self._raw_record()} end as raw_record"
        )
        records = "raw_records" if several else "raw"
        query = f"select {', '.join(selected)} from (select *, {', '.join(read)} from {records})"
        if not several:
            return query
        conditions = [self._condition(column, wanted) for column, wanted in when.items()]
        if self.is_events:
            conditions.append(f"{text['occurred_at']} is not null")
        return query + " where " + " and ".join(conditions or ["true"])

    def _condition(self, column: str, wanted: Any) -> str:
        if isinstance(wanted, dict):
            return f"regexp_matches({self._column(column)}, {literal(str(wanted['matches']))})"
        values = wanted if isinstance(wanted, list) else [wanted]
        listed = ", ".join(literal(str(value)) for value in values)
        return f"{self._column(column)} in ({listed})"

    def _column(self, name: str) -> str:
        return f"nullif({quoted(name)}, '')" if name in self.available else "null::varchar"

    def _text(self, value: Value | None) -> str:
        if value is None:
            return "null::varchar"
        if isinstance(value, str):
            return self._column(value)
        if "constant" in value:
            return literal(str(value["constant"]))
        if "column" in value:
            return self._padded(str(value["column"]), int(value["zeros"]))
        if "first" in value:
            return f"coalesce({', '.join(self._text(one) for one in value['first'])})"
        return self._template(str(value["template"]), self._column)

    def _object(self, value: Value) -> str:
        """An object's id; where it holds the id of a customer it holds its pseudonym."""
        if isinstance(value, str):
            return self._hidden(value)
        if "template" in value:
            return self._template(str(value["template"]), self._hidden)
        return self._text(value)

    def _hidden(self, name: str) -> str:
        text = self._column(name)
        return self._pseudonym(text) if name in self.personal else text

    def _pseudonym(self, text: str) -> str:
        if not self.key:
            return text
        return f"'p_' || left(sha256({literal(self.key)} || {text}), 12)"

    def _padded(self, column: str, digits: int) -> str:
        text = self._column(column)
        lost = f"length({text}) < {digits} and regexp_full_match({text}, '[0-9]+')"
        return f"case when {lost} then lpad({text}, {digits}, '0') else {text} end"

    def _template(self, template: str, column_sql: Callable[[str], str]) -> str:
        pieces, rest = [], template
        for column in source_columns({"template": template}):
            before, rest = rest.split("{" + column + "}", 1)
            pieces += [literal(before)] * bool(before) + [column_sql(column)]
        return "(" + " || ".join(pieces + [literal(rest)] * bool(rest)) + ")"

    def _typed(self, target: str, text: str) -> str:
        coded = self._coded(target, text)
        if target in _PERSONAL:
            return self._pseudonym(coded)
        return self._cast(self.schema.field(target).type, coded)

    def _coded(self, target: str, text: str) -> str:
        codes = self.mapping.codes.get(target)
        if not codes:
            return text
        cases = " ".join(f"when {literal(raw)} then {literal(code)}" for raw, code in codes.items())
        return f"case {text} {cases} else {text} end"

    def _cast(self, kind: pa.DataType, text: str) -> str:
        if pa.types.is_timestamp(kind):
            return self._time(text)
        if pa.types.is_date(kind):
            return f"cast({self._time(text, zone=literal('UTC'))} as date)"
        if pa.types.is_decimal(kind):
            plain = f"replace({text}, ',', '.')" if self.mapping.decimal == "," else text
            return f"try_cast({plain} as decimal({kind.precision}, {kind.scale}))"
        for is_kind, name in _PLAIN_TYPES:
            if is_kind(kind):
                return f"try_cast({text} as {name})"
        return text

    def _time(self, text: str, zone: str | None = None) -> str:
        zone = zone or self._zone()
        iso = _ISO.format(x=text)
        naive = f"try_cast({text} as timestamp)"
        if zone == literal("UTC"):
            read = f"try_cast({text} as timestamptz)"
        else:
            read = (
                f"case when {_OFFSET.format(x=text)} then try_cast({text} as timestamptz) "
                f"else timezone({zone}, {naive}) end"
            )
        read = f"case when {iso} then {read} end"
        if not self.mapping.time_formats:
            return read
        formats = ", ".join(literal(pattern) for pattern in self.mapping.time_formats)
        return f"coalesce({read}, timezone({zone}, try_strptime({text}, [{formats}])))"

    def _zone(self) -> str:
        zone = self.mapping.timezone
        if isinstance(zone, str):
            return literal(zone)
        cases = " ".join(
            f"when {literal(str(value))} then {literal(name)}"
            for value, name in zone["zones"].items()
        )
        return f"case {self._column(zone['column'])} {cases} else 'UTC' end"

    def _problem(self, said: dict[str, Value], text: dict[str, str]) -> str:
        tests = []
        if self.is_events:
            for target, reason in (
                ("case_id", "missing_case"),
                ("activity", "missing_activity"),
                ("occurred_at", "missing_time"),
            ):
                tests.append(f"when {text[target]} is null then '{reason}'")
            tests.append(f"when {_read('occurred_at')} is null then 'unreadable_time'")
        else:
            tests.append(f"when {text[self.schema.names[0]]} is null then 'missing_key'")
        for target, value in text.items():
            if target in self.implicit or target == "occurred_at" or target not in said:
                continue
            if not pa.types.is_string(self.schema.field(target).type):
                tests.append(
                    f"when {value} is not null and {_read(target)} is null "
                    f"then 'unreadable_{target}'"
                )
        return "case " + " ".join(tests) + " end"

    def _record_key(self, said: dict[str, Value]) -> str:
        source = self.mapping.source
        values = ", ".join(  # one flat call: a chain of || would nest as deep as there are columns
            f"coalesce({quoted(name)}, chr(30)), chr(31)" for name in sorted(self.available)
        )
        whole = literal(source + "\x1f" + "\x1f".join(sorted(self.available)) + "\x1f")
        by_content = f"md5(concat({whole}, {values}))"
        if "event_id" not in said:
            return by_content
        producer = self._text(said["event_id"])
        by_id = f"md5({literal(source + chr(31) + 'id' + chr(31))} || {producer})"
        return f"coalesce({by_id}, {by_content})"

    def _keyed(self, said: dict[str, Value]) -> str:
        return f"{self._text(said['event_id'])} is not null" if "event_id" in said else "false"

    def _extras(self, said: dict[str, Value]) -> str:
        used = set(self._used())
        pairs = [
            _pair(key, self._hidden(name)) for name, key in self._extra_keys() if name not in used
        ]
        for name, target in self._unreadable_implicit():
            text = self._column(name)
            same = said.get(target) == name
            typed = _read(target) if same else self._typed(target, text)
            unread = f"case when {typed} is null then {text} end"
            pairs.append(_pair(name, unread))
        if not pairs:
            return "null::varchar"
        return f"nullif('{{' || concat_ws(',', {', '.join(pairs)}) || '}}', '{{}}')"

    def _unreadable_implicit(self) -> Iterator[tuple[str, str]]:
        for target in self.implicit:
            if not pa.types.is_string(self.schema.field(target).type):
                yield target, target

    def _used(self) -> Iterator[str]:
        coded = set(self.mapping.codes) - {"activity"}
        for said in (self.implicit, self.mapping.columns, *self.mapping.events):
            for target, value in said.items():
                if target != "when" and target not in coded:
                    yield from source_columns(value)
        for value in self.mapping.objects.values():
            yield from source_columns(value)

    def _raw_record(self) -> str:
        pairs = ", ".join(f"{literal(name)}, {quoted(name)}" for name in self.available)
        return f"json_object({pairs})"


def _read(target: str) -> str:
    """Name of a canonical column's value beside the source's columns, which may bear its name."""
    return quoted(f"read\x1f{target}")


def _pair(key: str, text: str) -> str:
    """SQL of one member of a JSON object; null when the text is null."""
    return f"{literal(json.dumps(key, ensure_ascii=False) + ':')} || to_json({text})"
