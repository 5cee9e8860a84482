"""One frozen scorer serves API, dashboard and backtests, so they cannot disagree.

It loads a promoted bundle and nothing else: no mlflow, no torch, no pickle.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from models import disposition, policy, reason, remaining_time
from models.answers import Advice, Source
from models.bundle import open_bundle
from models.disposition import DispositionModel
from models.encoder import Encoder
from models.features import columns_of
from models.files import read_arrays
from models.items import Items
from models.policy import Route
from models.reason import ReasonModel
from models.remaining_time import Duration, RemainingTimeModel

ANSWERS: Final = (
    "reason",
    "disposition",
    "fraud",
    "quantity",
    "supplier_recovery",
    "remaining_time",
    "priority",
)
"""Every block a recommendation can hold; those without a model are ``not_available``."""

_FIELDS: Final = tuple(
    dict.fromkeys((*reason.FIELDS, *disposition.FIELDS, *remaining_time.FIELDS, "as_of"))
)


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Advice on one return line; a question without a promoted model is None."""

    return_line_id: str | None
    as_of: str | None
    reason: Advice | None
    disposition: Advice | None
    remaining_time: Duration | None
    policy: Route
    not_available: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Render as the HTTP answer, without ``recommendation_id`` and ``expires_at``."""
        given = {
            "reason": self.reason,
            "disposition": self.disposition,
            "remaining_time": self.remaining_time,
        }
        return {
            "return_line_id": self.return_line_id,
            "as_of": self.as_of,
            **{name: advice.to_dict() for name, advice in given.items() if advice},
            "policy": self.policy.to_dict(),
            "not_available": list(self.not_available),
        }


@dataclass(frozen=True, slots=True)
class Scorer:
    """The promoted models, ready to answer.

    Parameters
    ----------
    digest : str
        SHA-256 of the bundle's manifest: changes with every promotion.
    """

    digest: str
    sources: Mapping[str, Source]
    items: Items = field(repr=False)
    _encoder: Encoder | None = field(repr=False)
    _reason: ReasonModel | None = field(repr=False)
    _disposition: DispositionModel | None = field(repr=False)
    _remaining_time: RemainingTimeModel | None = field(repr=False)

    @classmethod
    def load(cls, folder: Path | str) -> "Scorer":
        """Load a bundle after verifying every file's hash.

        Raises
        ------
        NoModel
            Nothing has been promoted.
        BrokenBundle
            A file is missing, changed, or of a kind that could execute code.
        """
        bundle = open_bundle(Path(folder))
        place, entries = bundle.folder, bundle.entries
        told = reason.TASK in entries
        return cls(
            digest=bundle.digest,
            sources={
                task: Source(entry.model, entry.version, entry.data_version)
                for task, entry in entries.items()
            },
            items=Items.from_arrays(read_arrays(place / "items.npz")),
            _encoder=Encoder.load(place / "encoder") if told else None,
            _reason=ReasonModel.load(place / reason.TASK) if told else None,
            _disposition=DispositionModel.load(place / disposition.TASK)
            if disposition.TASK in entries
            else None,
            _remaining_time=RemainingTimeModel.load(place / remaining_time.TASK)
            if remaining_time.TASK in entries
            else None,
        )

    def versions(self) -> dict[str, dict[str, str]]:
        """Name, version and data version of the model behind each question."""
        return {
            task: {
                "model": source.model,
                "version": source.version,
                "data_version": source.data_version,
            }
            for task, source in self.sources.items()
        }

    def score(self, lines: Any, *, as_of: datetime | str | None = None) -> list[Recommendation]:
        """Advise on return lines.

        Parameters
        ----------
        lines : list of mappings, or a DataFrame
            Fields as in the HTTP contract; every one may be missing, of a wrong type or an
            unknown code. A line's answer does not depend on the other lines.
        as_of : datetime, optional
            For lines that state none themselves; echoed in the answer.
        """
        rows: Sequence[Mapping[str, Any]] = (
            lines.to_dict("records") if hasattr(lines, "to_dict") else list(lines)
        )
        if not rows:
            return []
        columns = columns_of(rows, _FIELDS)
        columns["as_of"] = [told or as_of for told in columns["as_of"]]
        reasons = self._reasons(columns, len(rows))
        fates = self._dispositions(columns, len(rows))
        durations = self._durations(columns, len(rows))
        advice = [[a for a in pair if a] for pair in zip(reasons, fates, strict=True)]
        routes = policy.route(rows, self.items, advice)
        missing = tuple(name for name in ANSWERS if name not in self.sources)
        return [
            Recommendation(
                return_line_id=_text(row.get("return_line_id")),
                as_of=_text(row.get("as_of") or as_of),
                reason=why,
                disposition=fate,
                remaining_time=days,
                policy=route,
                not_available=missing,
            )
            for row, why, fate, days, route in zip(
                rows, reasons, fates, durations, routes, strict=True
            )
        ]

    def _reasons(self, columns: Mapping[str, Sequence[Any]], size: int) -> list[Advice | None]:
        if self._reason is None or self._encoder is None:
            return [None] * size
        inputs = self._reason.inputs(columns, self._encoder, self.items)
        return list(self._reason.advise(inputs, self.sources[reason.TASK]))

    def _dispositions(self, columns: Mapping[str, Sequence[Any]], size: int) -> list[Advice | None]:
        if self._disposition is None:
            return [None] * size
        inputs = self._disposition.inputs(columns, self.items)
        return list(self._disposition.advise(inputs, self.sources[disposition.TASK]))

    def _durations(self, columns: Mapping[str, Sequence[Any]], size: int) -> list[Duration | None]:
        if self._remaining_time is None:
            return [None] * size
        inputs = self._remaining_time.inputs(columns, self.items)
        return list(self._remaining_time.advise(inputs, self.sources[remaining_time.TASK]))


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
