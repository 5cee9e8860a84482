"""Other renderings of the same facts, beside the channel that carries them.

``sources/`` holds every fact once. What a second system would say of it goes to ``alternates/``:
DC3's events as its API would send them, DC5's inspections as the supervisor's e-mails, and what
partners state as EDI.
"""

from pathlib import Path
from random import Random
from typing import Final

from ingestion.simulator.journal import Write
from ingestion.simulator.line import Fact
from ingestion.simulator.native import wms
from ingestion.simulator.native.edi import EdiFiles
from ingestion.simulator.native.mail import MailFiles
from ingestion.simulator.network import EPCIS_SITE

_MAIL_SITE: Final = "DC5"


class Alternates:
    """Writers of the other renderings."""

    def __init__(self, out: Path, *, rng: Random) -> None:
        aside = out / "alternates"
        aside.mkdir(parents=True, exist_ok=True)
        chance = Random(rng.random())
        self._api = wms.ModernWms(aside, EPCIS_SITE, rng=chance, report=_untold)
        self._mail = MailFiles(aside, _MAIL_SITE, rng=rng)
        self._edi = EdiFiles(aside)

    def beside(self, fact: Fact) -> Write | None:
        """The writer that renders a fact once more."""
        if self._edi.takes(fact):
            return self._edi
        if fact.site == EPCIS_SITE and fact.code in wms.MODERN_TYPES:
            return self._api
        if fact.site == _MAIL_SITE and fact.code == "A13":
            return self._mail
        return None

    def close(self) -> None:
        """Close all files."""
        for writer in (self._api, self._mail, self._edi):
            writer.close()


def _untold(fault: str, documents: list[str]) -> None:
    """Faults of a rendering nobody reads by default are no part of the truth."""
