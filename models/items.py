"""What is known about a stock-keeping unit and its supplier's contract, as plain arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from models.arrays import Floats

NUMBERS: Final = (
    "std_cost",
    "list_price",
    "pack_factor",
    "serialised",
    "lot_controlled",
    "shelf_life_days",
    "temp_sensitive",
    "hazmat",
    "regulated",
    "warranty_months",
    "contract_window_days",
    "contract_credit_share",
    "contract_restock_share",
    "contract_min_claim",
    "contract_field_destroy",
    "contract_allowance_share",
)
UNKNOWN_FAMILY: Final = ""


@dataclass(frozen=True, slots=True)
class Items:
    """Attributes of every known item; an unknown one gets its family's medians, or everyone's.

    Parameters
    ----------
    skus, families, covers : tuple of str
        ``covers`` holds the reasons the supplier pays for, separated by ``;``.
    numbers : array of shape (items, len(NUMBERS))
    """

    skus: tuple[str, ...]
    families: tuple[str, ...]
    covers: tuple[str, ...]
    numbers: Floats
    _place: dict[str, int] = field(init=False, repr=False)
    _medians: dict[str, Floats] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_place", {sku: n for n, sku in enumerate(self.skus)})
        names = np.array(self.families, dtype=object)
        medians = {str(name): _median(self.numbers[names == name]) for name in set(self.families)}
        object.__setattr__(self, "_medians", {**medians, UNKNOWN_FAMILY: _median(self.numbers)})

    def look_up(
        self, skus: Sequence[object], families: Sequence[object]
    ) -> tuple[list[str | None], list[str], Floats]:
        """Family, covered reasons and numbers of each line's item.

        Parameters
        ----------
        families : sequence
            What the caller says about the family; used where the SKU is unknown.
        """
        places = [self._place.get(str(sku)) for sku in skus]
        found_families: list[str | None] = []
        covers: list[str] = []
        numbers = np.empty((len(places), len(NUMBERS)))
        for row, place in enumerate(places):
            if place is not None:
                found_families.append(self.families[place])
                covers.append(self.covers[place])
                numbers[row] = self.numbers[place]
            else:
                family = str(families[row] or UNKNOWN_FAMILY)
                found_families.append(family or None)
                covers.append("")
                numbers[row] = self._medians.get(family, self._medians[UNKNOWN_FAMILY])
        return found_families, covers, numbers

    def knows(self, sku: object) -> bool:
        """Whether the item master has this SKU."""
        return str(sku) in self._place

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Named arrays for an ``.npz`` file (text as fixed-width unicode, never objects)."""
        return {
            "skus": np.array(self.skus, dtype=np.str_),
            "families": np.array(self.families, dtype=np.str_),
            "covers": np.array(self.covers, dtype=np.str_),
            "numbers": self.numbers,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Items":
        """Inverse of :meth:`to_arrays`."""
        skus, families, covers = (
            tuple(arrays[name].tolist()) for name in ("skus", "families", "covers")
        )
        return cls(skus, families, covers, arrays["numbers"])


def _median(numbers: Floats) -> Floats:
    """Median of each column, NaN where nothing is known."""
    empty = np.isnan(numbers).all(axis=0) if len(numbers) else np.ones(len(NUMBERS), dtype=bool)
    medians = np.full(len(NUMBERS), np.nan)
    if not empty.all():
        medians[~empty] = np.nanmedian(numbers[:, ~empty], axis=0)
    return medians
