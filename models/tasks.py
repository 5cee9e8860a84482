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
from models import disposition, fit_disposition, fit_reason, reason, remaining_time, targets
from models.arrays import Floats
from models.disposition import DispositionModel
from models.encoder import MODEL_FILE, TOKENIZER_FILE, Encoder
from models.encoder_export import encoder_folder
from models.errors import UnknownTask
from models.examples import examples
from models.facts import read_items
from models.files import write_arrays
from models.fit_remaining_time import fit_remaining_time
from models.items import Items
from models.judgement import Judge, Report, classes_judge, judge_durations, latency_ms, report_of
from models.points import points
from models.reason import ReasonModel
from models.remaining_time import RemainingTimeModel
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
    material : function of the workshop
        Lines with known answers, in four slices of time.
    answer : function of (workshop, model, columns)
        What the scorer computes for lines.
    """

    name: str
    fields: tuple[str, ...]
    reads_text: bool
    material: Callable[[Workshop], Any]
    fit: Callable[[Workshop, Any], tuple[Any, dict[str, Any]]]
    load: Callable[[Path], Any]
    answer: Callable[[Workshop, Any, Mapping[str, Any]], Any]
    judge: Judge

    def report(self, shop: Workshop, model: Any, material: Any, *, seconds: float) -> Report:
        """Judge a model on the last slice of time."""
        timed = latency_ms(lambda columns: self.answer(shop, model, columns), material)
        return report_of(
            self.judge(shop, model, material),
            task=self.name,
            data_version=shop.data_version,
            material=material,
            timing=(timed, seconds),
        )


def _reason_shares(shop: Workshop, model: ReasonModel, columns: Mapping[str, Any]) -> Floats:
    return model.probabilities(model.inputs(columns, shop.encoder, shop.items))


def _disposition_shares(
    shop: Workshop, model: DispositionModel, columns: Mapping[str, Any]
) -> Floats:
    return model.probabilities(model.inputs(columns, shop.items))


_REASON: Final = Task(
    name=reason.TASK,
    fields=reason.FIELDS,
    reads_text=True,
    material=lambda shop: examples(
        reason.TASK, shop.snapshots, targets.inspected_reasons(shop.con), reason.FIELDS
    ),
    fit=lambda shop, material: fit_reason.fit_reason(material, shop.encoder, shop.items),
    load=ReasonModel.load,
    answer=_reason_shares,
    judge=classes_judge(_reason_shares, fit_reason.baselines),
)
_DISPOSITION: Final = Task(
    name=disposition.TASK,
    fields=disposition.FIELDS,
    reads_text=False,
    material=lambda shop: examples(
        disposition.TASK,
        shop.snapshots,
        targets.decided_dispositions(shop.con),
        disposition.FIELDS,
    ),
    fit=lambda shop, material: fit_disposition.fit_disposition(material, shop.items),
    load=DispositionModel.load,
    answer=_disposition_shares,
    judge=classes_judge(_disposition_shares, fit_disposition.baselines),
)
_REMAINING_TIME: Final = Task(
    name=remaining_time.TASK,
    fields=remaining_time.FIELDS,
    reads_text=False,
    material=lambda shop: points(shop.con, remaining_time.TASK, remaining_time.FIELDS),
    fit=lambda shop, material: fit_remaining_time(material, shop.items),
    load=RemainingTimeModel.load,
    answer=lambda shop, model, columns: model.log_days(model.inputs(columns, shop.items)),
    judge=judge_durations,
)
TASKS: Final = {task.name: task for task in (_REASON, _DISPOSITION, _REMAINING_TIME)}


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
