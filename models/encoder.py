"""Sentences to unit vectors with onnxruntime and tokenizers, no torch.

Each text is encoded on its own, several at once in threads. Dynamic int8 scales activations by
their range over the whole batch, so a batched note would get a vector that depends on its
neighbours; alone, the same note always gets the same vector (and no padding is computed).
"""

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer

from models.arrays import Floats

MAX_TOKENS = 256
MODEL_FILE, TOKENIZER_FILE = "encoder.onnx", "tokenizer.json"
_THREADS_FROM = 4


@dataclass(frozen=True, slots=True)
class Encoder:
    """A loaded sentence encoder.

    Parameters
    ----------
    width : int
        Length of a vector.
    digest : str
        SHA-256 of the ONNX file: part of a model's identity.
    """

    width: int
    digest: str
    _tokenizer: Tokenizer = field(repr=False)
    _session: ort.InferenceSession = field(repr=False)

    @classmethod
    def load(cls, folder: Path | str) -> "Encoder":
        """Load ``encoder.onnx`` and ``tokenizer.json`` from a folder."""
        folder = Path(folder)
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
        tokenizer.enable_truncation(MAX_TOKENS)
        tokenizer.no_padding()
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        model = folder / MODEL_FILE
        session = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        width = int(session.get_outputs()[0].shape[-1])
        return cls(width, hashlib.sha256(model.read_bytes()).hexdigest(), tokenizer, session)

    def encode(self, texts: Sequence[str]) -> Floats:
        """Vectors of unit length; the vector of an empty text is zero.

        Returns
        -------
        array of shape (len(texts), width), float32
        """
        vectors = np.zeros((len(texts), self.width), dtype=np.float32)
        places: dict[str, list[int]] = {}
        for place, text in enumerate(texts):
            if text.strip():
                places.setdefault(text, []).append(place)
        for found, vector in zip(places.values(), self._vectors(list(places)), strict=True):
            vectors[found] = vector
        return vectors

    def _vectors(self, texts: list[str]) -> list[Floats]:
        if len(texts) < _THREADS_FROM:
            return [self._vector(text) for text in texts]
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            return list(pool.map(self._vector, texts))

    def _vector(self, text: str) -> Floats:
        tokens = np.array([self._tokenizer.encode(text).ids], dtype=np.int64)
        inputs = {"input_ids": tokens, "attention_mask": np.ones_like(tokens)}
        vector: Floats = self._session.run(None, inputs)[0][0]
        return vector
