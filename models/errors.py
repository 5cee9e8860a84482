"""What can go wrong with a model, its training data or its bundle."""

from ingestion.errors import RetraceError


class FutureFeature(RetraceError):
    """A feature becomes known only after the moment the question is asked."""

    def __init__(self, feature: str, available: str, asked: str) -> None:
        self.feature = feature
        super().__init__(
            f"Feature {feature!r} becomes available at {available!r}, the question is asked at "
            f"{asked!r}. Remove it from the feature list: it would leak the future."
        )


class NotEnoughHistory(RetraceError):
    """Too few finished lines to train, calibrate and judge a model."""

    def __init__(self, task: str, lines: int, needed: int) -> None:
        self.task, self.lines, self.needed = task, lines, needed
        super().__init__(
            f"Model {task!r} needs at least {needed} finished return lines and the home has "
            f"{lines}. Load more history: retrace ingest PATH"
        )


class UnknownTask(RetraceError):
    """A task that is not one of the trainable questions."""

    def __init__(self, task: str, known: tuple[str, ...]) -> None:
        self.task = task
        super().__init__(f"No model answers {task!r}. Choose from: {', '.join(known)}.")


class NoModel(RetraceError):
    """Nothing has been trained, or nothing promoted yet."""


class BrokenBundle(RetraceError):
    """A bundle is incomplete, was changed after it was written, or holds a forbidden file."""

    def __init__(self, path: object, why: str) -> None:
        self.path, self.why = str(path), why
        super().__init__(f"Model bundle {path}: {why}. Write it again: retrace promote TASK")


class EncoderUnavailable(RetraceError):
    """The text encoder can neither be found in the cache nor be exported."""
