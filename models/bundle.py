"""A promoted set of models as a folder of plain files, verified by hash before anything is read.

``manifest.json`` names every file with its SHA-256. Only kinds that cannot execute code may be
listed. A bundle is written beside its place and swapped in by one rename of a link.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from models.errors import BrokenBundle, NoModel
from models.files import read_json, sha256, write_json

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
SUFFIXES: Final = frozenset({".json", ".npz", ".txt", ".onnx"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One model of a bundle: where it came from and what it reads."""

    model: str
    version: str
    run_id: str
    data_version: str
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A verified bundle."""

    folder: Path
    entries: Mapping[str, Entry]
    digest: str


def write_bundle(models_dir: Path, alias: str, parts: Path, entries: Mapping[str, Entry]) -> Path:
    """Seal the files under ``parts`` and make them the bundle ``alias``.

    The bundle that had the alias becomes ``previous`` when the alias is ``champion``; bundles
    that no alias names are removed.
    """
    files = {
        path.relative_to(parts).as_posix(): sha256(path)
        for path in sorted(parts.rglob("*"))
        if path.is_file()
    }
    for name in files:
        _check_kind(parts, name)
    manifest = {
        "format": FORMAT,
        "models": {task: asdict(entry) for task, entry in entries.items()},
        "files": files,
    }
    write_json(parts / MANIFEST, manifest)
    target = models_dir / "bundles" / sha256(parts / MANIFEST)[:16]
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        parts.rename(target)
    place = models_dir / alias
    if place.is_dir() and not place.is_symlink():  # a copied home: links became folders
        shutil.rmtree(place)
    if alias == "champion" and place.is_symlink() and place.resolve() != target.resolve():
        _point(models_dir / "previous", place.resolve())
    _point(place, target)
    _prune(models_dir)
    return place


def _point(link: Path, target: Path) -> None:
    """Let ``link`` name ``target`` from one moment to the next."""
    fresh = link.with_name(f".{link.name}-{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(os.path.relpath(target, link.parent), target_is_directory=True)
    fresh.replace(link)


def _prune(models_dir: Path) -> None:
    named = {link.resolve() for link in models_dir.iterdir() if link.is_symlink()}
    for folder in (models_dir / "bundles").iterdir():
        if folder.resolve() not in named:
            shutil.rmtree(folder)


def open_bundle(folder: Path) -> Bundle:
    """Verify a bundle.

    Raises
    ------
    NoModel
        Nothing has been promoted.
    BrokenBundle
        A file is missing, changed, not listed, or of a kind that could execute code.
    """
    if not (folder / MANIFEST).is_file():
        raise NoModel(f"No promoted models in {folder}. Make some: retrace train, retrace promote")
    folder = folder.resolve()  # a promotion meanwhile must not mix two bundles
    manifest = _manifest(folder)
    listed: dict[str, str] = manifest["files"]
    for name, digest in listed.items():
        _check_kind(folder, name)
        path = folder / name
        if not path.is_file():
            raise BrokenBundle(folder, f"{name} is missing")
        if sha256(path) != digest:
            raise BrokenBundle(folder, f"{name} was changed after the bundle was written")
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != MANIFEST and name not in listed:
            raise BrokenBundle(folder, f"{name} is not listed in the manifest")
    entries = {task: _entry(stored) for task, stored in manifest["models"].items()}
    return Bundle(folder, entries, sha256(folder / MANIFEST))


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = read_json(folder / MANIFEST)
    except ValueError as error:
        raise BrokenBundle(folder, f"{MANIFEST} is not readable ({error})") from error
    if manifest.get("format") != FORMAT:
        raise BrokenBundle(folder, f"format {manifest.get('format')!r} is not {FORMAT}")
    return manifest


def _entry(stored: Mapping[str, Any]) -> Entry:
    return Entry(**{**stored, "features": tuple(stored["features"])})


def _check_kind(folder: Path, name: str) -> None:
    if Path(name).suffix not in SUFFIXES or ".." in Path(name).parts or Path(name).is_absolute():
        raise BrokenBundle(folder, f"{name} is not a file a model may be made of")
