"""Note text to sparse weights: word and character n-grams, without scikit-learn.

The same analyser cuts the text in training and in scoring, so both see the same terms.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import numpy as np
from scipy.sparse import csr_matrix

from models.arrays import Floats

WORDS: Final = (1, 2)
LETTERS: Final = (2, 5)
_WORD = re.compile(r"[^\W_]+", re.UNICODE)
_PERSONAL = (
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+"), "MAIL"),
    (re.compile(r"\+?\d[\d ()/-]{7,}\d"), "PHONE"),
)
_KNOWN_FROM = 4
"""Words a note must have before the share of known ones says anything."""


def clean(note: str) -> str:
    """Mask mail addresses and long numbers, squeeze spaces.

    >>> clean("call  +49 170 1234567 or a.b@c.de")
    'call PHONE or MAIL'
    """
    for pattern, mask in _PERSONAL:
        note = pattern.sub(mask, note)
    return " ".join(note.split())


def words(note: str) -> list[str]:
    """Lower-case words with digits folded to ``0``.

    >>> words("Wrng itm, bin 4711")
    ['wrng', 'itm', 'bin', '0']
    """
    return ["0" if word.isdigit() else word for word in _WORD.findall(note.lower())]


def terms(note: str) -> list[str]:
    """Word 1-2-grams (prefix ``w:``) and letter 2-5-grams inside padded words (``c:``)."""
    found = words(note)
    cut = [f"w:{word}" for word in found]
    cut += [f"w:{first} {second}" for first, second in pairwise(found)]
    for word in found:
        padded = f" {word} "
        for size in range(LETTERS[0], LETTERS[1] + 1):
            cut += [f"c:{padded[i : i + size]}" for i in range(max(len(padded) - size + 1, 1))]
    return cut


@dataclass(frozen=True, slots=True)
class Terms:
    """Chosen terms with their inverse document frequencies, and the words of the history."""

    names: tuple[str, ...]
    idf: Floats
    known_words: frozenset[str]
    _place: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_place", {name: n for n, name in enumerate(self.names)})

    def weigh(self, notes: Sequence[str]) -> csr_matrix:
        """TF-IDF of shape (notes, terms): sublinear counts, rows of unit length."""
        indices: list[int] = []
        data: list[float] = []
        starts = [0]
        cache: dict[str, list[tuple[int, float]]] = {}
        for note in notes:
            if note not in cache:
                cache[note] = self.row(note)
            indices += [place for place, _ in cache[note]]
            data += [weight for _, weight in cache[note]]
            starts.append(len(indices))
        shape = (len(notes), len(self.names))
        return csr_matrix((np.array(data, dtype=np.float32), indices, starts), shape=shape)

    def row(self, note: str) -> list[tuple[int, float]]:
        """Weights of one note: pairs of (term index, weight)."""
        counts = Counter(self._place[term] for term in terms(note) if term in self._place)
        if not counts:
            return []
        places = sorted(counts)
        weights = np.array([1.0 + np.log(counts[place]) for place in places]) * self.idf[places]
        norm = float(np.sqrt(np.sum(weights**2)))
        return [(place, float(w) / norm) for place, w in zip(places, weights, strict=True)]

    def familiar_share(self, note: str) -> float:
        """Share of the note's words that the history knows; 1 for very short notes."""
        found = [word for word in words(note) if not word.isdigit()]
        if len(found) < _KNOWN_FROM:
            return 1.0
        return sum(word in self.known_words for word in found) / len(found)


def learn_terms(
    notes: Iterable[str], *, at_least: int, known_from: int = 3, limit: int = 30_000
) -> Terms:
    """Collect the terms that occur in at least ``at_least`` notes, the most frequent first."""
    documents: Counter[str] = Counter()
    known: Counter[str] = Counter()
    size = 0
    for note in notes:
        if note:
            documents.update(set(terms(note)))
            known.update(set(words(note)))
            size += 1
    ranked = sorted((-n, term) for term, n in documents.items() if n >= at_least)[:limit]
    names = tuple(term for _, term in ranked)
    frequency = np.array([documents[name] for name in names], dtype=float)
    idf = np.log((1 + size) / (1 + frequency)) + 1.0
    return Terms(names, idf, frozenset(word for word, n in known.items() if n >= known_from))
