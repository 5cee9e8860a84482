"""What an XML file is: the names of its first elements."""

from itertools import islice
from pathlib import Path

from lxml import etree


def first_names(content: Path, limit: int = 200) -> list[str]:
    """Local names of the first elements of an XML file, in document order."""
    with content.open("rb") as file:
        parser = etree.iterparse(
            file,
            events=("start",),
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
        )
        names: list[str] = []
        try:
            for _, element in islice(parser, limit):
                names.append(str(etree.QName(element).localname))
        except (etree.XMLSyntaxError, ValueError):
            return names
    return names
