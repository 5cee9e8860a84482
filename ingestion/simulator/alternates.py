"""Other renderings of the same facts, and which of them stand in for the default ones.

``EPCIS_SITES`` report by EPCIS, and ``MAIL_SITES`` mail their inspections, *instead of* their
default channel when the switches are on; else these renderings go to ``alternates/``.
"""

from pathlib import Path
from random import Random
from typing import Final

from ingestion.simulator.journal import Write
from ingestion.simulator.line import Fact
from ingestion.simulator.native import wms
from ingestion.simulator.native.edi import EdiFiles
from ingestion.simulator.native.epcis import EpcisFiles
from ingestion.simulator.native.mail import MailFiles

EPCIS_IN_SOURCES: bool = False
"""Whether DC3 reports by EPCIS only."""

MAIL_IN_SOURCES: bool = False
"""Whether DC5's inspection outcomes come by e-mail only."""

_EPCIS_SITE: Final = "DC3"
_MAIL_SITE: Final = "DC5"


class Alternates:
    """Writers of the other renderings."""

    def __init__(self, out: Path, *, rng: Random) -> None:
        aside, sources = out / "alternates", out / "sources"
        aside.mkdir(parents=True, exist_ok=True)
        self._epcis = EpcisFiles(sources if EPCIS_IN_SOURCES else aside, _EPCIS_SITE)
        self._mail = MailFiles(sources if MAIL_IN_SOURCES else aside, _MAIL_SITE, rng=rng)
        self._edi = EdiFiles(aside)

    def replaces(self, fact: Fact) -> Write | None:
        """The writer that takes a fact instead of its default one."""
        if EPCIS_IN_SOURCES and fact.site == _EPCIS_SITE and fact.code in wms.MODERN_TYPES:
            return self._epcis
        if MAIL_IN_SOURCES and fact.site == _MAIL_SITE and fact.code == "A13":
            return self._mail
        return None

    def beside(self, fact: Fact) -> Write | None:
        """The writer that renders a fact once more."""
        if self._edi.takes(fact):
            return self._edi
        if fact.site == _EPCIS_SITE and fact.code in wms.MODERN_TYPES:
            return None if EPCIS_IN_SOURCES else self._epcis
        if fact.site == _MAIL_SITE and fact.code == "A13":
            return None if MAIL_IN_SOURCES else self._mail
        return None

    def close(self) -> None:
        """Close all files."""
        for writer in (self._epcis, self._mail, self._edi):
            writer.close()
