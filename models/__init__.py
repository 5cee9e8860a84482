"""Forecasts: what to do with the next return line, how sure we are, and why.

``Scorer`` reads a promoted bundle and answers; ``train``, ``evaluate`` and ``promote`` make one.
They are imported on first use, so that answering never loads what only training needs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.judgement import Report
    from models.promotion import Decision, promote
    from models.scorer import Recommendation, Scorer
    from models.training import evaluate, train

_HOMES = {
    "Recommendation": "models.scorer",
    "Scorer": "models.scorer",
    "Decision": "models.promotion",
    "Report": "models.judgement",
    "evaluate": "models.training",
    "promote": "models.promotion",
    "train": "models.training",
}
__all__ = ["Decision", "Recommendation", "Report", "Scorer", "evaluate", "promote", "train"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'models' has no attribute {name!r}")
