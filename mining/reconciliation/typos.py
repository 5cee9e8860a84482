"""Keys that differ by one slip of the keyboard: optimal string alignment distance of one.

Two texts one slip apart become equal when one character is deleted from one or both, so they meet
under a common shortened form; only those pairs are looked at.
"""

from collections.abc import Iterator


def one_slip(a: str, b: str) -> bool:
    """Whether one substitution, insertion, deletion or swap of neighbours turns a into b.

    >>> one_slip("R2600431", "R2600413"), one_slip("R2600431", "R260043"), one_slip("R1", "R1")
    (True, True, False)
    """
    if a == b or abs(len(a) - len(b)) > 1:
        return False
    start = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), None)
    if start is None:
        return True
    if len(a) == len(b):
        swapped = a[start : start + 2] == b[start : start + 2][::-1]
        return a[start + 1 :] == b[start + 1 :] or (
            swapped and a[start + 2 :] == b[start + 2 :] and len(a[start : start + 2]) == 2
        )
    longer, shorter = (a, b) if len(a) > len(b) else (b, a)
    return longer[start + 1 :] == shorter[start:]


def shortened(text: str) -> Iterator[str]:
    """The text itself and the text without each of its characters."""
    yield text
    for i in range(len(text)):
        yield text[:i] + text[i + 1 :]
