"""What an XML file is: the names of its first elements, and the whole of a document that fits."""

from itertools import islice
from pathlib import Path

from lxml import etree

from ingestion.errors import UnreadableFile
from ingestion.staging import Staged


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


def document_root(delivery: Staged) -> etree._Element:
    """Root element of an XML document that is read whole.

    Raises
    ------
    UnreadableFile
        Damaged, nested too deep, or with a DOCTYPE.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        tree = etree.parse(str(delivery.content), parser)
    except etree.XMLSyntaxError as error:
        raise UnreadableFile(
            delivery.path, f"the XML is damaged or ends early ({error.msg})"
        ) from error
    if tree.docinfo.doctype:
        raise UnreadableFile(
            delivery.path, "the XML declares a DOCTYPE, which can hide an attack; remove it"
        )
    return tree.getroot()
