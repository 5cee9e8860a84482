"""The policy of a reconciliation: passes, tolerances, service levels. Data, not code."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import yaml

from ingestion.errors import RetraceError

WAYS: Final = ("pairs", "typo", "groups", "subsets", "shortfall")
KEY_COLUMNS: Final = (
    *("reference", "document", "line", "number", "sku", "lot", "serial", "kind", "status"),
    *("site", "location", "quantity"),
)


class BadPolicy(RetraceError):
    """A policy file cannot be used."""


@dataclass(frozen=True, slots=True)
class Pass:
    """One matching pass over what is still unmatched.

    Parameters
    ----------
    on : tuple of str
        Columns that must be present and equal on both sides.
    how : "pairs", "typo", "groups", "subsets" or "shortfall"
    duplicates : bool
        A further posting with the same keys is an extra posting of a matched movement.
    window_days : float
        How much later a posting may be (groups, subsets and shortfall only).
    confidence : "exact", "derived" or "suggested"
    """

    name: str
    key: str
    on: tuple[str, ...]
    how: str = "pairs"
    duplicates: bool = False
    window_days: float = 3.0
    confidence: str = "exact"

    def __post_init__(self) -> None:
        unknown = [column for column in self.on if column not in KEY_COLUMNS]
        if unknown or self.how not in WAYS or not self.on:
            raise BadPolicy(
                f"Pass {self.name} cannot be run: how={self.how!r}, on={list(self.on)}. "
                f"Ways: {', '.join(WAYS)}; columns: {', '.join(KEY_COLUMNS)}."
            )


@dataclass(frozen=True, slots=True)
class Tolerances:
    """What still counts as equal; money per line in its currency, quantities in base units."""

    quantity: float = 0.0
    bulk_units: float = 1.0
    bulk_share: float = 0.005
    value: float = 0.02
    value_share: float = 0.005
    clock_skew_h: float = 1.0


@dataclass(frozen=True)
class Policy:
    """Everything a reconciliation decides by; read one with ``Policy.load``."""

    version: str
    passes: tuple[Pass, ...]
    tolerances: Tolerances = Tolerances()
    subset_candidates: int = 12
    sla_default_h: float = 24.0
    sla_sites: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    statuses: Mapping[str, str] = field(default_factory=dict)
    locations: Mapping[str, str] = field(default_factory=dict)
    recovery: Mapping[str, float] = field(default_factory=dict)
    default_recovery: float = 0.5
    owners: Mapping[str, str] = field(default_factory=dict)
    credit_without_receipt: frozenset[str] = frozenset()
    outcome_share: Mapping[str, float] = field(default_factory=dict)
    condition_share: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def load(cls, path: str | Path | None = None) -> "Policy":
        """Read a policy file; the one shipped with Retrace by default.

        Raises
        ------
        BadPolicy
        """
        where = files("mining") / "policies" / "reconciliation.yaml" if path is None else Path(path)
        try:
            said = yaml.safe_load(where.read_text(encoding="utf-8"))
            return cls._parse(said)
        except (OSError, TypeError, ValueError, KeyError, AttributeError, yaml.YAMLError) as error:
            raise BadPolicy(f"The policy {where} cannot be read: {error}.") from error

    @classmethod
    def _parse(cls, said: Mapping[str, Any]) -> "Policy":
        sla = said.get("sla", {})
        return cls(
            version=str(said["version"]),
            passes=tuple(_pass(one) for one in said["passes"]),
            tolerances=Tolerances(**said.get("tolerances", {})),
            subset_candidates=int(said.get("subsets", {}).get("candidates", 12)),
            sla_default_h=float(sla.get("default_h", 24.0)),
            sla_sites=sla.get("sites") or {},
            statuses=said.get("statuses") or {},
            locations=said.get("locations") or {},
            recovery=said.get("recovery") or {},
            default_recovery=float(said.get("default_recovery", 0.5)),
            owners=said.get("owners") or {},
            credit_without_receipt=frozenset(said.get("credit_without_receipt") or ()),
            outcome_share=said.get("outcome_share") or {},
            condition_share=said.get("condition_share") or {},
        )

    def with_keys(self, *keys: tuple[str, ...], duplicates: bool = True) -> "Policy":
        """The same policy, matching by these keys only, the first the strongest.

        >>> Policy.load().with_keys(("line", "sku")).passes[0].on
        ('line', 'sku')
        """
        passes = tuple(
            Pass(f"P{2 + i}", f"K{1 + i}", on, duplicates=duplicates) for i, on in enumerate(keys)
        )
        return replace(self, passes=passes)


def _pass(said: Mapping[str, Any]) -> Pass:
    rest = {name: value for name, value in said.items() if name != "columns"}
    return Pass(on=tuple(said["columns"]), **rest)
