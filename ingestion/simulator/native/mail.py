"""Inspection outcomes as a supervisor mails them: a subject with RMA numbers, a table, free text.

One or two sendings a working day, at most 40 lines a mail; some hold CSV, some HTML, some are
forwarded. A few mails are never sent, hold nothing but a scan, or come twice.
"""

from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from random import Random
from typing import Final

from ingestion.simulator.clock import DAY, MINUTE
from ingestion.simulator.line import Fact
from ingestion.simulator.native.mail_rows import COLUMNS, MailRows
from ingestion.simulator.native.transport import Report
from ingestion.simulator.network import SITE_OF

_OPENINGS: Final = (
    "Hi, inspections from today, pls post.",
    "See below, same as yesterday some w/o papers.",
    "Todays list. Two are still TBD.",
    "Results attached in the mail body as always.",
)
_SCANS: Final = (
    "scan of the sheet attached, printer is back",
    "pls see pdf, pc in insp is down",
    "list is on the share, same folder as always",
)
_MOST: Final = 40
_NEVER_SENT, _UNREADABLE, _SENT_AGAIN = 0.015, 0.06, 0.008
_LATE: Final = 3 * DAY


class MailFiles:
    """Collects what a site inspected and writes the mails that tell of it.

    ``report`` tells the truth of lost, late, unreadable and repeated mails and of wrong rows.
    """

    def __init__(self, root: Path, site: str, *, rng: Random, report: Report) -> None:
        self._root = root / "mail" / site
        self._site = SITE_OF[site]
        self._rng = rng
        self._report = report
        self._rows = MailRows(rng)
        self._facts: list[Fact] = []
        self._count = 0
        self._sent = 0.0

    def __call__(self, fact: Fact) -> None:
        if self._facts and (fact.recorded != self._facts[0].recorded or len(self._facts) >= _MOST):
            self._send()
        self._facts.append(fact)

    def close(self) -> None:
        """Mail what is left."""
        if self._facts:
            self._send()

    def _send(self) -> None:
        facts, self._facts = self._facts, []
        self._count += 1
        self._sent = max(facts[0].recorded, self._sent + MINUTE)
        number = self._number()
        fate = self._rng.random()
        if fate < _NEVER_SENT:
            self._report("lost", sorted({fact.line.rma for fact in facts}))
            return
        if self._sent - min(fact.occurred for fact in facts) > _LATE:
            self._report("late", [number])
        if fate < _NEVER_SENT + _UNREADABLE:
            self._report("malformed", [number])
            self._write(self._scan(facts))
            return
        rows, wrong = self._rows.of(facts)
        if wrong:
            self._report("wrong_data", [number])
        mail = self._table(facts, rows, forwarded=self._rng.random() < 0.15)
        self._write(mail)
        if fate > 1 - _SENT_AGAIN:
            self._forward(facts, rows)

    def _forward(self, facts: list[Fact], rows: list[tuple[str, ...]]) -> None:
        self._count += 1
        self._report("duplicate", [self._number()])
        self._write(self._table(facts, rows, forwarded=True))

    def _number(self) -> str:
        return f"<{self._site.code}-{self._count:06d}@example.com>"

    def _write(self, mail: EmailMessage) -> None:
        self._root.mkdir(parents=True, exist_ok=True)
        name = f"{self._site.code}_{self._day:%Y%m%d}_{self._count:06d}.eml"
        (self._root / name).write_bytes(mail.as_bytes())

    @property
    def _day(self) -> datetime:
        return datetime.fromtimestamp(self._sent, self._site.zone)

    def _envelope(self, facts: list[Fact], *, forwarded: bool) -> EmailMessage:
        named = " ".join(fact.line.rma for fact in facts[: self._rng.randrange(4)])
        subject = f"Insp {self._site.code} {self._day:%d.%m.} {named}".strip()
        mail = EmailMessage(policy=SMTP)
        mail["From"] = f"supervisor@{self._site.code.lower()}.example.com"
        mail["To"] = "returns-finance@example.com"
        mail["Date"] = format_datetime(self._day)
        mail["Message-ID"] = self._number()
        mail["Subject"] = f"FW: {subject}" if forwarded else subject
        return mail

    def _scan(self, facts: list[Fact]) -> EmailMessage:
        mail = self._envelope(facts, forwarded=False)
        mail.set_content(self._rng.choice(_SCANS) + "\n")
        if "share" not in mail.get_content():
            scan = b"%PDF-1.4\n" + self._rng.randbytes(64)
            mail.add_attachment(scan, maintype="application", subtype="pdf", filename="insp.pdf")
            mail.set_boundary(f"=-{self._site.code}-{self._count:06d}")
        return mail

    def _table(
        self, facts: list[Fact], rows: list[tuple[str, ...]], *, forwarded: bool
    ) -> EmailMessage:
        mail = self._envelope(facts, forwarded=forwarded)
        opening, form = self._rng.choice(_OPENINGS), self._rng.random()
        body = f"{opening}\n{_body(rows, form)}"
        if forwarded:
            head = f"From: {mail['From']}\nDate: {mail['Date']}\n\n"
            quoted = "\n".join(f"> {text}" for text in (head + body).splitlines())
            body = f"fyi\n\n{quoted}\n"
        mail.set_content(body)
        if form >= 0.75:
            mail.add_alternative(f"<p>{opening}</p>{_html(rows)}", subtype="html")
            mail.set_boundary(f"=-{self._site.code}-{self._count:06d}")
        return mail


def _body(rows: list[tuple[str, ...]], form: float) -> str:
    """The table in columns, as CSV, or the remark that it is in the other part."""
    table = [COLUMNS, *rows]
    if form < 0.45:
        lines = ["  ".join(cell or "-" for cell in row) for row in table]
        return "\n" + "\n".join(lines) + "\n\nrgds\n"
    if form < 0.75:
        return "\n" + "\n".join(";".join(row) for row in table) + "\n"
    return "(table in html part)\n"


def _html(rows: list[tuple[str, ...]]) -> str:
    cells = "".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in [COLUMNS, *rows]
    )
    return f"<table>{cells}</table>"
