"""Lines of an inspection mail: tables in HTML, CSV or aligned text, and RMA numbers in free text.

Everything here is text in, cells out; meaning is settled in ``mail_fields``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree, html

from ingestion.codes import canonical_codes

MAX_CELLS = 40
RMA = re.compile(
    r"(?<![\w-])(?:RMA\s*(?:no\.?|nr\.?)?\s*[#:]?\s*)?"
    r"([A-Z]{1,5}-?\d{5,12}|(?<=RMA )\d{4,12}|(?<=RMA#)\d{4,12})(?![\w])",
    re.IGNORECASE,
)
_QUOTE = re.compile(r"^(?:\s?>)+ ?")
_DELIMITERS = (";", "\t", "|", ",")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a mail that states an inspection.

    Parameters
    ----------
    cells : dict
        Canonical column -> cell as written; for free text only ``text``.
    written : str
        The line as it stood in the mail.
    certainty : float
        How sure the place of the cells is, 0 to 1.
    """

    cells: dict[str, str]
    written: str
    certainty: float
    extra: dict[str, str] = field(default_factory=dict)


def unquoted(text: str) -> list[str]:
    """Lines of a plain text body without the marks of replies and forwards."""
    return [_QUOTE.sub("", line).rstrip() for line in text.splitlines()]


def rma_numbers(text: str) -> list[str]:
    """RMA numbers a text names, each once, in order."""
    return list(dict.fromkeys(found[1].upper() for found in RMA.finditer(text)))


def html_lines(text: str) -> list[Line]:
    """Rows of every table of an HTML body that has a header we know."""
    try:
        root = html.fromstring(text.encode(), parser=html.HTMLParser(encoding="utf-8"))
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return []
    found: list[Line] = []
    for table in root.iter("table"):
        columns: list[str] | None = None
        for row in table.iter("tr"):
            cells = [" ".join(cell.text_content().split()) for cell in row if _is_cell(cell)]
            if columns is None:
                columns = header_columns(cells)
            elif any(cells):
                found.append(_line(columns, cells[:MAX_CELLS], " | ".join(cells), 1.0))
    return found


def _is_cell(element: html.HtmlElement) -> bool:
    return element.tag in ("td", "th")


def html_text(text: str) -> str:
    """Visible text of an HTML body, a line per block."""
    try:
        root = html.fromstring(text.encode(), parser=html.HTMLParser(encoding="utf-8"))
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return ""
    for block in root.iter("br", "p", "div", "tr", "li"):
        block.tail = "\n" + (block.tail or "")
    return str(root.text_content())


def header_columns(cells: list[str]) -> list[str] | None:
    """Canonical columns of a header line; None if it is no header we know."""
    known = canonical_codes("mail_column")
    names = [re.sub(r"[^\w/# ]", "", cell).strip().lower() for cell in cells]
    columns = [known.get(name, name) for name in names]
    count = sum(name in known for name in names)
    return columns if (count >= 2 and "rma" in columns) or count >= 3 else None


def text_lines(body: list[str]) -> Iterator[Line]:
    """Rows of the tables in plain text, then lines of free text that name an RMA."""
    columns: list[str] | None = None
    header, delimiter = "", ""
    for text in body:
        found = _header(text)
        if found:
            columns, delimiter, header = *found, text
        elif not text.strip():
            columns = None if columns and delimiter == "" else columns
        elif columns and (row := _split(text, header, delimiter, len(columns))):
            yield _line(columns, row[0], text, row[1])
        elif RMA.search(text):
            yield Line({"text": text}, text, 0.6)


def _header(text: str) -> tuple[list[str], str] | None:
    for delimiter in _DELIMITERS:
        if delimiter in text:
            columns = header_columns([cell.strip() for cell in text.strip("|").split(delimiter)])
            if columns:
                return columns, delimiter
    columns = header_columns(re.split(r"\s{2,}", text.strip()))
    return (columns, "") if columns else None


def _split(text: str, header: str, delimiter: str, count: int) -> tuple[list[str], float] | None:
    """Cells of a row, and how sure their places are."""
    if delimiter:
        cells = _cells(text.strip("|") if delimiter == "|" else text, delimiter, count)
        return (cells, 1.0) if len(cells) == count else ((cells, 0.5) if len(cells) > 2 else None)
    if set(text) <= set("-=+ "):
        return None
    if padded := _under(text, header, count):
        return padded, 0.9
    for pattern, certainty in ((r" {2}|\t", 0.95), (r"\s{2,}", 0.8)):
        cells = [cell.strip() for cell in re.split(pattern, text, maxsplit=count - 1)]
        if len(cells) == count:
            return cells, certainty
        if len(cells) == count - 1:
            return [*cells, ""], 0.75 * certainty
    starts = _starts(header)
    placed = _placed(text, starts) if len(starts) == count and len(text) > starts[1] else []
    return (placed, 0.7) if sum(map(bool, placed)) > 2 else None


def _under(text: str, header: str, count: int) -> list[str] | None:
    """Cells of a row that begin where names of a header padded to columns do, if they all do."""
    starts = _starts(header)
    mine = _starts(text)
    if "   " not in header.strip() or len(starts) != count or len(mine) < 3:
        return None
    return _placed(text, starts) if set(mine) <= set(starts) else None


def _starts(text: str) -> list[int]:
    return [found.start() for found in re.finditer(r"(?:(?<=^)|(?<=\s{2}))\S", text)]


def _placed(text: str, starts: list[int]) -> list[str]:
    ends = [*starts[1:], max(len(text), starts[-1])]
    return [text[a:b].strip() for a, b in zip(starts, ends, strict=True)]


def _cells(text: str, delimiter: str, count: int) -> list[str]:
    """Cells of a delimited row; a lone quote is a ditto mark, not the start of a quoted cell."""
    mark = re.escape(delimiter)
    ends = rf"(?=\s*(?:{mark}|$))"
    pattern = rf'"{ends}|"(?:[^"]|"")*"{ends}|[^{mark}]*'
    cells: list[str] = []
    at = 0
    while at <= len(text) and len(cells) < MAX_CELLS:
        found = re.compile(rf"\s*({pattern})").match(text, at)
        if found is None:
            break
        cell = found[1].strip()
        quoted = len(cell) > 2 and cell[0] == cell[-1] == '"'
        cells.append(cell[1:-1].replace('""', '"') if quoted else cell)
        at = found.end() + 1
    if len(cells) > count > 0:
        rest = delimiter.join(cells[count - 1 :])
        return [*cells[: count - 1], rest]
    return cells


def _line(columns: list[str], cells: list[str], written: str, certainty: float) -> Line:
    known = set(canonical_codes("mail_column").values())
    pairs = list(zip(columns, cells, strict=False))
    return Line(
        cells={name: cell for name, cell in pairs if name in known},
        written=written,
        certainty=certainty,
        extra={name: cell for name, cell in pairs if name not in known and name and cell},
    )
