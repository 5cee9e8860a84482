"""Other renderings of the same facts, beside the channel that carries them.

``sources/`` holds every fact once. What a second system would say of it goes to ``alternates/``:
DC3's events as its API would send them, DC5's inspections as rows of its warehouse system, requests
and receipts of partners as EDI, and the supplier's steps by EDI or on the portal, whichever of the
two does not carry them.
"""

from pathlib import Path
from random import Random

from ingestion.simulator.journal import Write
from ingestion.simulator.line import Fact
from ingestion.simulator.native import wms
from ingestion.simulator.native.edi import EdiFiles, rendered_by_edi, states_by_edi
from ingestion.simulator.native.partners import SupplierPortal
from ingestion.simulator.network import EPCIS_SITE, MAIL_SITE


class Alternates:
    """Writers of the other renderings."""

    def __init__(self, out: Path, *, rng: Random) -> None:
        aside = out / "alternates"
        aside.mkdir(parents=True, exist_ok=True)
        self._api = wms.ModernWms(aside, EPCIS_SITE, rng=Random(rng.random()), report=_untold)
        self._inspections = wms.LegacyRows(aside, MAIL_SITE)
        self._edi = EdiFiles(aside)
        self._portal = SupplierPortal(aside)

    def beside(self, fact: Fact) -> Write | None:
        """The writer that renders a fact once more."""
        if rendered_by_edi(fact):
            return self._edi
        if states_by_edi(fact):
            return self._portal
        if fact.site == EPCIS_SITE and fact.code in wms.MODERN_TYPES:
            return self._api
        if fact.site == MAIL_SITE and fact.code == "A13":
            return self._inspections
        return None

    def close(self) -> None:
        """Close all files."""
        for writer in (self._api, self._inspections, self._edi, self._portal):
            writer.close()


def _untold(fault: str, documents: list[str]) -> None:
    """Faults of a rendering nobody reads by default are no part of the truth."""
