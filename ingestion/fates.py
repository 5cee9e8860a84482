"""The fate of every record of a delivery: accepted, duplicate or quarantined, and the counts of it.

Works on the relation ``mapped`` (see ``ingestion.interpretation``).
"""

from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from ingestion.interpretation import Interpretation
from ingestion.lake import quoted
from ingestion.schema import EVENTS, sql_type

MOST_HASHES = 1 << 26
"""How many hashes of records are compared at once: half a gigabyte of them."""

WHY = {
    "missing_case": "the case is empty",
    "missing_activity": "the activity is empty",
    "missing_time": "the time is empty",
    "unreadable_time": "the time is not a date or time that can be read",
    "missing_key": "the key is empty",
    "no_event": "the record states no event: none of its times is filled in",
}


def sort_records(
    con: duckdb.DuckDBPyConnection, reading: Interpretation, known: str | None
) -> None:
    """Create the view ``fated``: ``mapped`` with record number, event id and fate.

    Records of one delivery without a producer's id that are equal get different ids by their
    occurrence number, so identical twins stay two; records with the same producer's id are one.
    ``known`` is a query of the event ids the source already has, if it has any.
    """
    rec = "rec" if reading.several else "rowid"
    bad = _table(con, "bad", f"select distinct {rec} as rec from mapped where problem is not null")
    good = f"from mapped where {rec} not in (select rec from bad)" if bad else "from mapped"
    keys = (
        f"select distinct {rec} as rec, record_key {good}"
        if reading.several
        else (f"select rowid as rec, record_key {good}")
    )
    repeated = _repeated_hashes(con, keys) and _table(
        con,
        "repeated",
        f"select rec, row_number() over same - 1 as occurrence from ({keys}) "
        "where hash(record_key) in (select h from hashes) window same as (partition by record_key "
        "order by rec) qualify count(*) over (partition by record_key) > 1",
    )
    joins = " left join bad on bad.rec = m.record" if bad else ""
    joins += " left join repeated r on r.rec = m.record" if repeated else ""
    occurrence = "coalesce(r.occurrence, 0)" if repeated else "0"
    con.execute(
        f"create or replace temp view numbered as select m.*, {_event_id(reading, repeated)} "
        f"as event_id_given, {occurrence} as occurrence, "
        f"{'bad.rec is not null' if bad else 'false'} as is_bad "
        f"from (select {rec} as record, * from mapped) m{joins}"
    )
    seen = known and _table(
        con,
        "seen",
        f"select distinct record as rec from numbered n semi join ({known}) k "
        "on k.event_id = n.event_id_given",
    )
    twice = "keyed and occurrence > 0" if reading.producer_ids else "false"
    before = "record in (select rec from seen)" if seen else "false"
    con.execute(
        f"create or replace temp view fated as select *, case when is_bad then 'quarantined' "
        f"when {twice} or {before} then 'duplicate' else 'accepted' end as fate from numbered"
    )


def _table(con: duckdb.DuckDBPyConnection, name: str, query: str) -> bool:
    """Create a temporary table and answer whether it holds anything."""
    con.execute(f"create or replace temp table {name} as {query}")
    [[rows]] = con.execute(f"select count(*) from {name}").fetchall()
    return bool(rows)


def _repeated_hashes(con: duckdb.DuckDBPyConnection, keys: str) -> bool:
    """Create ``hashes``, those that several record keys share, and answer whether there are any.

    Most records are alone, and 8 bytes each settle that: sorted, a part of the hashes at a time.
    """
    [[most]] = con.execute("select count(*) from mapped").fetchall()
    parts = 1 + int(most) // MOST_HASHES
    shared = []
    for part in range(parts):
        some = f"where hash(record_key) % {parts} = {part}" if parts > 1 else ""
        query = f"select hash(record_key) as h from ({keys}) {some}"
        hashes = np.sort(con.sql(query).fetchnumpy()["h"])
        shared.append(np.unique(hashes[1:][hashes[1:] == hashes[:-1]]))
    found = pa.table({"h": np.concatenate(shared)})
    con.register("shared_hashes", found)
    con.execute("create or replace temp table hashes as from shared_hashes")
    con.unregister("shared_hashes")
    return bool(len(found))


def _event_id(reading: Interpretation, repeated: bool) -> str:
    key = "record_key"
    if repeated:
        twin = "md5(record_key || '#' || r.occurrence)"
        fresh = "r.occurrence is null or r.occurrence = 0"
        fresh += " or keyed" if reading.producer_ids else ""
        key = f"case when {fresh} then record_key else {twin} end"
    if not reading.several:
        return key
    return f"case when part = 0 then {key} else md5({key} || '/' || part) end"


def count_records(con: duckdb.DuckDBPyConnection, reading: Interpretation) -> list[dict[str, Any]]:
    """Counts per site and day over ``fated`` and ``refused``; they always balance."""
    site, day = _site_and_day(reading)
    first = "qualify row_number() over (partition by record order by part) = 1"
    rows = con.sql(
        f"select site, day, count(*) as received, "
        f"count(*) filter (where fate = 'accepted') as accepted, "
        f"count(*) filter (where fate = 'duplicate') as duplicate, "
        f"count(*) filter (where fate = 'quarantined') as quarantined from ("
        f"select {site} as site, {day} as day, fate from fated {first if reading.several else ''} "
        f"union all select null, null, 'quarantined' from refused) "
        f"group by site, day order by site, day"
    ).to_arrow_table()
    return list(rows.to_pylist())


def _site_and_day(reading: Interpretation) -> tuple[str, str]:
    site = "site" if "site" in reading.columns else "null::varchar"
    # microseconds are UTC: no calendar is asked
    day = (
        "make_timestamp(epoch_us(occurred_at))::date"
        if "occurred_at" in reading.columns
        else "null::date"
    )
    return site, day


def totals(counts: list[dict[str, Any]]) -> dict[str, int]:
    names = ("received", "accepted", "duplicate", "quarantined")
    return {name: sum(int(entry[name]) for entry in counts) for name in names}


def quarantined_query(reading: Interpretation) -> str:
    """Query of the refused records: site, day, reason, detail, pointer, raw."""
    site, day = _site_and_day(reading)
    cases = " ".join(f"when '{reason}' then '{why}'" for reason, why in WHY.items())
    return (
        f"select site, day, reason, "
        f"case reason {cases} else replace(reason, '_', ' ') end as detail, "
        "'record ' || (record + 1) as pointer, raw from ("
        f"select record, first({site} order by part) as site, first({day} order by part) as day, "
        "first(problem order by part) "
        "filter (where problem is not null) as reason, "
        "encode(first(raw_record order by part) filter (where problem is not null)) as raw "
        "from fated where fate = 'quarantined' group by record) "
        "union all select null, null, reason, detail, pointer, raw from refused"
    )


def events_query(reading: Interpretation, given: dict[str, str]) -> str:
    """Query of the accepted events: the columns of the schema they say something about.

    ``given`` holds SQL for the columns the intake itself states (ids, times, source).
    """
    number = f"record * {8 if reading.several else 1} + part + 1"
    sequence = f"coalesce(source_seq, {number})" if "source_seq" in reading.columns else number
    stated = {"event_id": "event_id_given", "source_seq": sequence, "extras": "extras", **given}
    if "confidence" in reading.columns:
        stated["confidence"] = "coalesce(confidence, 'exact')"
    if "quantity" in reading.columns and "quantity_original" not in reading.columns:
        stated |= {"quantity_original": "quantity"}
        stated |= {"uom_original": "uom" if "uom" in reading.columns else "null"}
    columns = []
    for field in EVENTS:
        own = quoted(field.name) if field.name in reading.columns else None
        if value := stated.get(field.name, own):
            columns.append(f"({value})::{sql_type(field.type)} as {quoted(field.name)}")
    return f"select {', '.join(columns)} from fated where fate = 'accepted'"


def objects_query(reading: Interpretation, delivery_id: str) -> str | None:
    """Query of the objects the accepted events touch."""
    queries = [
        _listed_objects(delivery_id)
        if kind == "*"
        else f"select event_id_given as event_id, '{kind}' as object_type, "
        f"{quoted('object ' + kind)} as object_id, null::varchar as qualifier, "
        f"{delivery_id} as delivery_id "
        f"from fated where fate = 'accepted' and {quoted('object ' + kind)} is not null"
        for kind in reading.objects
    ]
    return " union all ".join(queries) or None


def _listed_objects(delivery_id: str) -> str:
    """Objects a record lists itself: JSON ``[[type, id, qualifier], ..]``."""
    listed = (
        'select event_id_given, unnest(from_json("object *", \'[["VARCHAR"]]\')) as said '
        "from fated where fate = 'accepted' and \"object *\" is not null"
    )
    return (
        "select event_id_given as event_id, said[1] as object_type, said[2] as object_id, "
        f"said[3] as qualifier, {delivery_id} as delivery_id from ({listed}) "
        "where said[1] is not null and said[2] is not null"
    )
