"""Runs, versions and aliases of models, kept by MLflow in the home. The only importer of mlflow.

Everything is local: an SQLite store and a folder of artifacts. Artifacts are plain files (see
``models.files``); MLflow never loads a model.
"""

import logging
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlparse

from ingestion.settings import Settings

EXPERIMENT: Final = "retrace"
CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"
_QUIET: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


@dataclass(frozen=True, slots=True)
class Version:
    """A registered model version and the folder with its files."""

    task: str
    version: str
    run_id: str
    data_version: str
    folder: Path
    tags: Mapping[str, str]


@contextmanager
def _silence() -> Iterator[None]:
    """Keep MLflow's migrations, deprecations and telemetry off the terminal and the network."""
    os.environ.update({name: value for name, value in _QUIET.items() if name not in os.environ})
    loggers = [logging.getLogger(name) for name in ("mlflow", "alembic")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


class Registry:
    """The model history of one home."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.mlflow_dir
        self._folder.mkdir(parents=True, exist_ok=True)
        with _silence():
            from mlflow import MlflowClient

            for name in ("mlflow", "alembic"):
                logging.getLogger(name).setLevel(logging.ERROR)
            self._client = MlflowClient(
                tracking_uri=settings.mlflow_url, registry_uri=settings.mlflow_url
            )
            self._experiment = self._experiment_id()

    def _experiment_id(self) -> str:
        found = self._client.get_experiment_by_name(EXPERIMENT)
        if found is not None:
            return str(found.experiment_id)
        place = (self._folder / "artifacts").as_uri()
        return str(self._client.create_experiment(EXPERIMENT, artifact_location=place))

    def record(
        self,
        task: str,
        files: Path,
        *,
        parameters: Mapping[str, Any],
        metrics: Mapping[str, float],
        data_version: str,
    ) -> Version:
        """Store a trained model as a new version and call it the challenger."""
        client = self._client
        with _silence():
            run = client.create_run(self._experiment, run_name=task, tags={"task": task})
            run_id = str(run.info.run_id)
            for name, value in parameters.items():
                client.log_param(run_id, name, value)
            for name, value in metrics.items():
                client.log_metric(run_id, name, value)
            model = client.create_logged_model(self._experiment, name=task, source_run_id=run_id)
            client.log_model_artifacts(model.model_id, str(files))
            model = client.finalize_logged_model(model.model_id, "READY")
            self._register(task)
            version = client.create_model_version(
                task,
                source=model.artifact_location,
                run_id=run_id,
                model_id=model.model_id,
                tags={"data_version": data_version},
            )
            client.set_registered_model_alias(task, CHALLENGER, version.version)
            client.set_terminated(run_id)
        return self._version(version)

    def _register(self, task: str) -> None:
        if not self._client.search_registered_models(f"name = '{task}'"):
            self._client.create_registered_model(task)

    def find(self, task: str, alias: str) -> Version | None:
        """The version an alias names, or None."""
        with _silence():
            if not self._client.search_registered_models(f"name = '{task}'"):
                return None
            aliases = self._client.get_registered_model(task).aliases
            if alias not in aliases:
                return None
            return self._version(self._client.get_model_version_by_alias(task, alias))

    def crown(self, version: Version) -> None:
        """Make a version the champion; the one before becomes ``previous``."""
        before = self.find(version.task, CHAMPION)
        with _silence():
            if before is not None and before.version != version.version:
                self._client.set_registered_model_alias(version.task, PREVIOUS, before.version)
            self._client.set_registered_model_alias(version.task, CHAMPION, version.version)

    def note(self, version: Version, tags: Mapping[str, str]) -> None:
        """Attach the outcome of a judgement to a version."""
        with _silence():
            for name, value in tags.items():
                self._client.set_model_version_tag(version.task, version.version, name, value)

    def close(self) -> None:
        """Give the database connections back."""
        with _silence():
            self._client._tracking_client.store._dispose_engine()

    def _version(self, found: Any) -> Version:
        tags = dict(found.tags)
        return Version(
            task=str(found.name),
            version=str(found.version),
            run_id=str(found.run_id),
            data_version=tags.get("data_version", ""),
            folder=Path(unquote(urlparse(str(found.source)).path)),
            tags=tags,
        )


@contextmanager
def scratch(settings: Settings) -> Iterator[Path]:
    """A folder inside the home for files on their way to the registry or a bundle."""
    settings.tmp_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.tmp_dir) as folder:
        yield Path(folder)
