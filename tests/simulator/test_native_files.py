"""What the native files say: times, channels that say the same, interchanges that count."""

import gzip
from datetime import date
from pathlib import Path

import duckdb

from ingestion.simulator.clock import iso, utc_midnight


def test_times_are_written_in_utc_with_milliseconds():
    assert iso(utc_midnight(date(2026, 6, 30)) + 1.5) == "2026-06-30T00:00:01.500Z"


def test_compressed_files_carry_no_time_stamp(sim_dir):
    path = next((sim_dir / "sources" / "workflow").glob("*.gz"))
    assert path.read_bytes()[4:8] == b"\0\0\0\0"
    with gzip.open(path) as file:
        assert file.readline().startswith(b'{"eventId"')


def test_dc3_says_the_same_by_epcis_as_by_its_api(sim_dir, tmp_path, monkeypatch):
    """Event by event; apart from ids, times a bad clock moved, and records one channel broke."""
    from ingestion.intake import ingest
    from ingestion.lake import Lake
    from ingestion.settings import Settings

    monkeypatch.setenv("RETRACE_PSEUDONYMISE", "0")
    told = []
    for folder in ("sources/epcis", "alternates/wms_modern"):
        home = tmp_path / folder.replace("/", "_")
        counts = ingest(Settings.load(home), [sim_dir / folder])
        assert counts.unmapped_activities == 0
        assert counts.quarantined <= 0.003 * counts.received
        rows = (
            Lake(home)
            .connect()
            .execute(
                """
                select case_id, activity, source_seq, site, actor, actor_type, sku, quantity,
                    reason, condition, disposition, inventory_status, location, lot, serial,
                    document_id, message_id, note, extras->>'grade', extras->>'seal_ok'
                from events
                """
            )
            .fetchall()
        )
        told.append({row[:3]: row for row in rows})
    both = told[0].keys() & told[1].keys()
    assert len(both) > 1000
    assert len(told[0].keys() ^ told[1].keys()) <= 0.005 * len(both)
    assert [told[0][key] for key in both] == [told[1][key] for key in both]


def test_interchanges_state_their_true_segment_count(sim_dir):
    files = sorted(sim_dir.glob("*/edi/*.edi"))
    assert {path.name[:3] for path in files} >= {"180", "861", "944", "947"}
    for path in files:
        for interchange in path.read_text().split("ISA*")[1:]:
            segments = [part.strip() for part in interchange.split("~") if part.strip()]
            start = next(i for i, s in enumerate(segments) if s.startswith("ST*"))
            end = next(i for i, s in enumerate(segments) if s.startswith("SE*"))
            assert int(segments[end].split("*")[1]) == end - start + 1


def inspections(home: Path, folder: Path) -> list[tuple]:
    from ingestion.intake import ingest
    from ingestion.lake import Lake
    from ingestion.settings import Settings

    counts = ingest(Settings.load(home), [folder])
    assert counts.unmapped_activities == 0
    rows = (
        Lake(home)
        .connect()
        .execute(
            """
        select case_id, quantity, sku, reason, condition, extras->>'grade', serial, lot, note
        from events where activity = 'Finish inspection'
        """
        )
    )
    return rows.fetchall()


def test_dc5_tells_by_mail_what_its_system_knows_and_nothing_twice(sim_dir, tmp_path):
    """Apart from mails never sent or unreadable, and from slips of the keys."""
    mailed = inspections(tmp_path / "a", sim_dir / "sources" / "mail")
    known = inspections(tmp_path / "b", sim_dir / "alternates" / "wms_legacy")
    rows = list((sim_dir / "sources" / "wms_legacy" / "DC5").glob("*.csv"))
    assert rows
    assert not any(",INS," in path.read_text() for path in rows)
    assert 0.75 * len(known) < len(mailed) <= len(known)
    assert len(set(mailed) & set(known)) > 0.9 * len(mailed)


def test_a_supplier_states_confirmation_and_credit_in_one_channel(sim_dir):
    claims = []
    for folder in ("sources", "alternates"):
        rows = duckdb.sql(
            f"select supplier, claim_no from read_csv('{sim_dir}/{folder}/suppliers/*.csv.gz',"
            " all_varchar=true) where step in ('DELIVERED', 'CREDITED')"
        ).fetchall()
        edi = "".join(
            path.read_text()
            for kind in ("861", "812")
            for path in (sim_dir / folder / "edi").glob(f"{kind}-*.edi")
        )
        claims.append(({claim for _, claim in rows}, edi))
    (by_portal, stated), (beside, rendered) = claims
    assert by_portal
    assert beside
    assert all(f"*{claim}*" in stated and f"*{claim}*" not in rendered for claim in beside)
    assert all(f"*{claim}*" in rendered and f"*{claim}*" not in stated for claim in by_portal)
