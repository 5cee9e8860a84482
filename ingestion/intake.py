"""Loading files and folders: which mapping reads what, and what came of it.

The row of a delivery in ``deliveries`` is written last, so a crash at any moment leaves either the
whole delivery or nothing a reader can see.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from ingestion.door import Door
from ingestion.errors import RetraceError, UnknownMapping, UnreadableFile
from ingestion.lake import Lake
from ingestion.mapping import Mapping, generic_mapping, in_zone, load_mapping, recognise
from ingestion.places import is_address, pulled_from
from ingestion.readers import Raw
from ingestion.sap_extract import is_sap_folder
from ingestion.session import Row
from ingestion.settings import Settings
from ingestion.sql_source import Query
from ingestion.staging import Staged


@dataclass(frozen=True, slots=True)
class Counts:
    """What one call of the intake took in; records unless said otherwise."""

    deliveries: int = 0
    received: int = 0
    accepted: int = 0
    duplicate: int = 0
    quarantined: int = 0
    unmapped_activities: int = 0

    def to_dict(self) -> dict[str, int]:
        return asdict(self)

    @classmethod
    def of(cls, deliveries: list[Row]) -> "Counts":
        """Sum the rows of ``deliveries`` of one call."""
        names = [name for name in cls.__dataclass_fields__ if name != "deliveries"]
        summed = {name: sum(int(row[name]) for row in deliveries) for name in names}
        return cls(deliveries=len(deliveries), **summed)


@dataclass(frozen=True, slots=True)
class Choice:
    """How the caller wants files to be read; everything empty means: recognise from content."""

    mapping: Mapping | None = None
    source: str | None = None
    timezone: str | None = None

    def resolve(self, delivery: Staged, raw: Raw) -> Mapping:
        """Mapping for one file.

        Raises
        ------
        UnknownMapping
            No mapping was asked for and none of the shipped ones fits.
        """
        mapping = self.mapping or recognise(raw.format, raw.columns)
        if mapping is None:
            shown = ", ".join(raw.columns[:12]) + (" ..." if len(raw.columns) > 12 else "")
            raise UnknownMapping(
                f"{delivery.path}: no known mapping fits its columns ({shown}). Name them with "
                "--case, --activity and --time, or give --mapping FILE."
            )
        if self.timezone:
            mapping = in_zone(mapping, self.timezone)
        return replace(mapping, source=self.source) if self.source else mapping


class Progress:
    """What a progress bar listens to; this one is silent."""

    def begin(self, total_bytes: int) -> None: ...
    def file(self, name: str) -> None: ...
    def advance(self, n_bytes: int) -> None: ...


def utc_now() -> datetime:
    return datetime.now(UTC)


def ingest(
    settings: Settings,
    paths: Iterable[Path | str],
    *,
    mapping: str | None = None,
    source: str | None = None,
    case: str | None = None,
    activity: str | None = None,
    time: str | None = None,
    timezone: str | None = None,
    query: Query | None = None,
    progress: Progress | None = None,
    now: Callable[[], datetime] = utc_now,
) -> Counts:
    """Load files, folders of files, mailboxes and databases into the lake of a home.

    Parameters
    ----------
    paths : files, folders and addresses
        Folders are walked in sorted order; a file in a folder that cannot be read is quarantined
        whole, one named here raises. ``imaps://USER@HOST/FOLDER`` is a mailbox, any other address
        a database (an SQLAlchemy URL); what they bring begins where the last call stopped.
    mapping : str, optional
        Name of a shipped mapping or path of a YAML file; otherwise recognised from content.
    case, activity, time : str, optional
        Column names of any event log; all three or none.
    timezone : str, optional
        Zone of times without offset (default: the mapping's, UTC).
    query : Query, optional
        What to read from a database.

    Returns
    -------
    Counts

    Raises
    ------
    RetraceError
        One clear sentence about what to do.
    """
    choice = Choice(_chosen(mapping, case, activity, time), source, timezone)
    named = [str(path) for path in paths]
    addresses = [path for path in named if is_address(path)]
    files = list(_files(path for path in named if not is_address(path)))
    if query and not addresses:
        raise RetraceError(
            "--query reads a database: give its URL, like postgresql://USER@HOST/NAME"
        )
    progress = progress or Progress()
    progress.begin(sum(path.stat().st_size for path, _ in files if path.exists()))
    lake = Lake(settings.home)
    with lake.writing():
        door = Door(settings, lake, now)
        for path, explicit in files:
            _take(door, path, choice, explicit, progress)
        door.session.commit()
        for address in addresses:
            with closing(pulled_from(settings, address, query)) as groups:
                for group in groups:
                    for path in group:
                        _take(door, path, choice, path.suffix != ".eml", progress)
                    door.session.commit()
    return Counts.of(door.taken)


def _take(door: Door, path: Path, choice: Choice, explicit: bool, progress: Progress) -> None:
    progress.file(path.name)
    door.take_file(
        path,
        choice.resolve,
        asked=choice.mapping,
        source=choice.source,
        explicit=explicit,
        progress=progress.advance,
    )


def _chosen(
    mapping: str | None, case: str | None, activity: str | None, time: str | None
) -> Mapping | None:
    columns = [case, activity, time]
    if mapping and any(columns):
        raise RetraceError("Give either --mapping or --case, --activity and --time, not both.")
    if mapping:
        return load_mapping(mapping)
    if case and activity and time:
        return generic_mapping(case, activity, time)
    if any(columns):
        raise RetraceError("--case, --activity and --time belong together: give all three.")
    return None


def _files(paths: Iterable[Path | str]) -> Iterator[tuple[Path, bool]]:
    for path in map(Path, paths):
        if not path.exists():
            raise UnreadableFile(path, "there is no such file or folder")
        if not path.is_dir():
            yield path, True
            continue
        if is_sap_folder(path):
            yield path, True
            continue
        extracts: set[Path] = set()
        for file in sorted(path.rglob("*")):
            hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
            if file.is_dir() and not hidden and is_sap_folder(file):
                extracts.add(file)
                yield file, False
            elif file.is_file() and not hidden and file.parent not in extracts:
                yield file, False
