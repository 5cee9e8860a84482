"""Where a Retrace home keeps its things, and the few switches read from the environment."""

import os
from dataclasses import dataclass
from pathlib import Path

DEFAULT_HOME = ".retrace"


@dataclass(frozen=True, slots=True)
class Settings:
    """Resolved settings of one home.

    Parameters
    ----------
    home : Path
        Absolute folder of this installation's data.
    database_url : str
        SQLAlchemy URL of the inbox and the API's state.
    pseudonymise : bool
        Replace actor names by a keyed hash before they reach the lake.
    """

    home: Path
    database_url: str
    pseudonymise: bool = True

    @classmethod
    def load(cls, home: Path | str | None = None) -> "Settings":
        """Resolve ``home`` from the argument, ``RETRACE_HOME``, or ``.retrace``."""
        folder = Path(home or os.environ.get("RETRACE_HOME") or DEFAULT_HOME)
        folder = folder.expanduser().absolute()
        url = os.environ.get("RETRACE_DATABASE_URL") or f"sqlite:///{folder / 'retrace.db'}"
        switched_off = os.environ.get("RETRACE_PSEUDONYMISE", "1").lower() in {"0", "no", "false"}
        return cls(home=folder, database_url=url, pseudonymise=not switched_off)

    @property
    def lake_dir(self) -> Path:
        return self.home / "lake"

    @property
    def models_dir(self) -> Path:
        return self.home / "models"

    @property
    def mlflow_dir(self) -> Path:
        return self.home / "mlflow"

    @property
    def mlflow_url(self) -> str:
        return f"sqlite:///{self.mlflow_dir / 'mlflow.db'}"

    @property
    def secrets_dir(self) -> Path:
        return self.home / "secrets"

    @property
    def tmp_dir(self) -> Path:
        return self.home / "tmp"
