"""Inspection outcomes as a supervisor mails them: a subject with RMA numbers, a table, free text.

One or two mails a working day, 5 to 40 lines each; some are forwarded, some hold CSV, some HTML,
numbers carry decimal commas now and then, ditto marks stand for the line above.
"""

from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from random import Random
from typing import Final

from ingestion.simulator.clock import HOUR, local_day
from ingestion.simulator.line import Fact
from ingestion.simulator.network import SITE_OF

_OPENINGS: Final = (
    "Hi, inspections from today, pls post.",
    "See below, same as yesterday some w/o papers.",
    "Todays list. Two are still TBD.",
    "Results attached in the mail body as always.",
)
_COLUMNS: Final = ("RMA", "Line", "Item", "Qty", "Cond", "Grade", "Reason", "Remark")
_MOST: Final = 40


class MailFiles:
    """Collects a site's inspections and mails them once or twice a day."""

    def __init__(self, root: Path, site: str, *, rng: Random) -> None:
        self._root = root / "mail" / site
        self._site = SITE_OF[site]
        self._rng = rng
        self._facts: list[Fact] = []
        self._count = 0

    def __call__(self, fact: Fact) -> None:
        if self._facts and (
            local_day(fact.occurred, self._site.zone)
            != local_day(self._facts[0].occurred, self._site.zone)
            or len(self._facts) >= _MOST
        ):
            self._send()
        self._facts.append(fact)

    def close(self) -> None:
        """Mail what is left."""
        if self._facts:
            self._send()

    def _send(self) -> None:
        facts, self._facts = self._facts, []
        self._count += 1
        zone = self._site.zone
        sent = datetime.fromtimestamp(facts[-1].occurred + 0.5 * HOUR, zone)
        mail = EmailMessage(policy=SMTP)
        mail["From"] = f"supervisor@{self._site.code.lower()}.example.com"
        mail["To"] = "returns-finance@example.com"
        mail["Date"] = format_datetime(sent)
        mail["Message-ID"] = f"<{self._site.code}-{self._count:06d}@example.com>"
        mail["Subject"] = self._subject(facts, sent)
        self._fill(mail, facts, sent)
        self._root.mkdir(parents=True, exist_ok=True)
        name = f"{self._site.code}_{sent:%Y%m%d}_{self._count:06d}.eml"
        (self._root / name).write_bytes(mail.as_bytes())

    def _subject(self, facts: list[Fact], sent: datetime) -> str:
        named = " ".join(fact.line.rma for fact in facts[: self._rng.randrange(4)])
        forwarded = "FW: " if self._rng.random() < 0.15 else ""
        return f"{forwarded}Insp {self._site.code} {sent:%d.%m.} {named}".strip()

    def _fill(self, mail: EmailMessage, facts: list[Fact], sent: datetime) -> None:
        rows = self._rows(facts)
        opening = self._rng.choice(_OPENINGS)
        form = self._rng.random()
        if form < 0.45:
            text = "\n".join("  ".join(row) for row in [_COLUMNS, *rows])
            body = f"{opening}\n\n{text}\n\nrgds\n"
        elif form < 0.75:
            body = f"{opening}\n\n" + "\n".join(";".join(row) for row in [_COLUMNS, *rows]) + "\n"
        else:
            body = f"{opening}\n(table in html part)\n"
        if mail["Subject"].startswith("FW:"):
            quoted = "\n".join(f"> {text}" for text in body.splitlines())
            body = f"fyi\n\nOn {sent:%d %b} supervisor wrote:\n{quoted}\n"
        mail.set_content(body)
        if form >= 0.75:
            cells = "".join(
                "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>"
                for row in [_COLUMNS, *rows]
            )
            mail.add_alternative(f"<p>{opening}</p><table>{cells}</table>", subtype="html")
            mail.set_boundary(f"=-{self._site.code}-{self._count:06d}")

    def _rows(self, facts: list[Fact]) -> list[tuple[str, ...]]:
        rows: list[tuple[str, ...]] = []
        for fact in facts:
            line, values = fact.line, fact.values
            quantity = str(line.received)
            if line.uom == "CS" and line.item.pack > 1 and line.received % line.item.pack == 0:
                quantity = f"{line.received // line.item.pack} cs of {line.item.pack}"
            elif self._rng.random() < 0.05:
                quantity = f"{line.received},0"
            reason = values.get("reason") or ""
            if rows and self._rng.random() < 0.04 and rows[-1][6] == reason:
                reason = '"'
            note = (values.get("note") or "").replace(";", ",").replace("<", "")
            rows.append(
                (
                    line.rma,
                    str(line.number),
                    line.item.sku,
                    quantity,
                    values.get("condition") or "",
                    values.get("grade") or "",
                    reason,
                    note,
                )
            )
        return rows
