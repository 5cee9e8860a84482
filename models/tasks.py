"""The trainable questions: for each, where its material comes from and how it is fitted."""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import duckdb
import pandas as pd

from ingestion.errors import EmptyLake
from ingestion.lake import Lake
from ingestion.settings import Settings
from models import disposition, fit_disposition, fit_reason, reason, targets
from models.arrays import Floats
from models.disposition import DispositionModel
from models.encoder import MODEL_FILE, TOKENIZER_FILE, Encoder
from models.encoder_export import encoder_folder
from models.errors import UnknownTask
from models.examples import Examples, examples
from models.facts import read_items
from models.files import write_arrays
from models.items import Items
from models.reason import ReasonModel
from models.snapshots import take_snapshots


@dataclass(frozen=True, slots=True)
class Workshop:
    """What every training shares: facts of one version of the lake, items, encoder.

    Parameters
    ----------
    data_version : str
        Versions of the tables read, ``events@12 items@3``.
    """

    con: duckdb.DuckDBPyConnection = field(repr=False)
    snapshots: pd.DataFrame = field(repr=False)
    items: Items = field(repr=False)
    encoder: Encoder = field(repr=False)
    data_version: str


def save_shared(settings: Settings, parts: Path, *, texts: bool) -> None:
    """Write what several models of a bundle read: items, and the encoder if one reads text."""
    items = read_items(Lake(settings.home).connect())
    write_arrays(parts / "items.npz", items.to_arrays())
    if texts:
        place = encoder_folder()
        (parts / "encoder").mkdir(parents=True)
        for name in (MODEL_FILE, TOKENIZER_FILE):
            _link_or_copy(place / name, parts / "encoder" / name)


def _link_or_copy(source: Path, target: Path) -> None:
    """A hard link saves 23 MB per bundle; across file systems it is a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def open_workshop(settings: Settings) -> Workshop:
    """Read the lake once for all questions.

    Raises
    ------
    EmptyLake
        The home has no events.
    """
    lake = Lake(settings.home)
    if lake.version("events") is None:
        raise EmptyLake(settings.home)
    con = lake.connect()
    tables = {name: lake.version(name) for name in ("events", "items", "contracts")}
    return Workshop(
        con=con,
        snapshots=take_snapshots(con),
        items=read_items(con),
        encoder=Encoder.load(encoder_folder()),
        data_version=" ".join(f"{k}@{v}" for k, v in tables.items() if v is not None),
    )


@dataclass(frozen=True, slots=True)
class Task:
    """One question a model answers.

    Parameters
    ----------
    probabilities : function of (workshop, model, columns)
        Calibrated class probabilities, computed as the scorer computes them.
    """

    name: str
    fields: tuple[str, ...]
    reads_text: bool
    answers: Callable[[duckdb.DuckDBPyConnection], pd.DataFrame]
    fit: Callable[[Workshop, Examples], tuple[Any, dict[str, Any]]]
    load: Callable[[Path], Any]
    probabilities: Callable[[Workshop, Any, Mapping[str, Any]], Floats]
    baselines: Callable[[Examples], dict[str, Floats]]

    def examples(self, shop: Workshop) -> Examples:
        """Lines with known answers, split by time."""
        return examples(self.name, shop.snapshots, self.answers(shop.con), self.fields)


TASKS: Final[dict[str, Task]] = {
    reason.TASK: Task(
        name=reason.TASK,
        fields=reason.FIELDS,
        reads_text=True,
        answers=targets.inspected_reasons,
        fit=lambda shop, material: fit_reason.fit_reason(material, shop.encoder, shop.items),
        load=ReasonModel.load,
        probabilities=lambda shop, model, columns: model.probabilities(
            model.inputs(columns, shop.encoder, shop.items)
        ),
        baselines=fit_reason.baselines,
    ),
    disposition.TASK: Task(
        name=disposition.TASK,
        fields=disposition.FIELDS,
        reads_text=False,
        answers=targets.decided_dispositions,
        fit=lambda shop, material: fit_disposition.fit_disposition(material, shop.items),
        load=DispositionModel.load,
        probabilities=lambda shop, model, columns: model.probabilities(
            model.inputs(columns, shop.items)
        ),
        baselines=fit_disposition.baselines,
    ),
}


def chosen_tasks(tasks: Sequence[str] | None) -> list[Task]:
    """The named questions, or all.

    Raises
    ------
    UnknownTask
    """
    unknown = [name for name in tasks or [] if name not in TASKS]
    if unknown:
        raise UnknownTask(unknown[0], tuple(TASKS))
    return [TASKS[name] for name in tasks or TASKS]
