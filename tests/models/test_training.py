import shutil

import pytest

from ingestion.errors import EmptyLake
from ingestion.settings import Settings
from models import evaluate, promote, train
from models.errors import NoModel, UnknownTask
from models.registry import CHALLENGER, CHAMPION, Registry


@pytest.fixture
def own_home(trained_home, tmp_path):
    shutil.copytree(trained_home, tmp_path / "home", symlinks=True)
    return Settings.load(tmp_path / "home")


def test_reason_and_disposition_beat_their_baselines_and_were_promoted(trained_home):
    settings = Settings.load(trained_home)
    registry = Registry(settings)
    for name in ("reason", "disposition"):
        assert registry.find(name, CHAMPION) is not None, registry.find(name, CHALLENGER).tags
    registry.close()
    for report in evaluate(settings, ["reason", "disposition"]):
        assert report.gain.low > 0
        assert report.scores.log_loss < min(b.log_loss for b in report.baselines.values())
        assert report.scores.accuracy > max(b.accuracy for b in report.baselines.values())
        assert 0.8 < report.coverage <= 1.0
        assert sum(report.lines.values()) <= 2_000


def test_a_challenger_that_learnt_nothing_new_is_held(own_home):
    [report] = train(own_home, ["disposition"])
    decision = promote(own_home, "disposition")
    assert report.version == decision.version == "2"
    assert not decision.promoted
    assert not decision.checks["beats_champion"]
    assert "beats_champion" in decision.because


def test_artifacts_hold_no_pickle(trained_home):
    kinds = {path.suffix for path in (trained_home / "mlflow" / "artifacts").rglob("*.*")}
    assert kinds <= {".json", ".npz", ".txt"}


def test_unknown_questions_and_empty_homes_are_said_so(settings):
    with pytest.raises(UnknownTask, match="weather"):
        train(settings, ["weather"])
    with pytest.raises(EmptyLake):
        train(settings)
    with pytest.raises(NoModel, match="retrace train"):
        promote(settings, "reason")
    assert not (settings.home / "models").exists()
