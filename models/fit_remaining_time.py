"""Train the remaining-time trees. Training only."""

from typing import Any, Final

import lightgbm as lgb
import numpy as np
import pandas as pd

from models.arrays import Floats
from models.examples import COVERAGE, masked
from models.features import Vocabulary, attributes, matrix
from models.items import Items
from models.points import Points
from models.remaining_time import FEATURES, RemainingTimeModel, completed
from models.trees import Trees
from models.uncertainty import conformal_quantile

GROUP_FROM: Final = 60
"""Calibration points a last activity needs for an interval of its own."""

OPTIONAL: Final = ("events_so_far", "channel", "carrier", "resolution_requested", "unit_price",
                   "condition", "policy")  # fmt: skip
MASKED_SHARE: Final = 0.3
ROUNDS: Final = 150
_SETTINGS: Final[dict[str, Any]] = {
    "objective": "l1",
    "learning_rate": 0.15,
    "num_leaves": 31,
    "min_data_in_leaf": 40,
    "feature_fraction": 0.8,
    "max_cat_to_onehot": 8,
    "verbosity": -1,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
}


def fit_remaining_time(
    material: Points, items: Items, *, seed: int = 0
) -> tuple[RemainingTimeModel, dict[str, Any]]:
    """Fit on the first slice, stop on the second, set interval widths on the third."""
    slices = material.slices
    hidden = masked(
        material.columns, dict.fromkeys(OPTIONAL, MASKED_SHARE), np.random.default_rng(seed)
    )
    joined, thin = (attributes(completed(c), items) for c in (material.columns, hidden))
    names = [feature.name for feature in FEATURES if feature.code]
    learnt = {name: [joined[name][row] for row in slices.fit] for name in names}
    vocabulary = Vocabulary.learn(learnt, names, at_least=20)
    full, masked_rows = (matrix(c, FEATURES, vocabulary) for c in (joined, thin))
    target = np.log1p(material.days)
    booster = _boost(
        np.vstack([full[slices.fit], masked_rows[slices.fit]]),
        np.tile(target[slices.fit], 2),
        np.tile(material.weight[slices.fit], 2),
        held=(full[slices.tune], target[slices.tune]),
        seed=seed,
    )
    trees = Trees.parse(booster.model_to_string())
    activity = [str(name) for name in material.columns["last_activity"]]
    rows = slices.calibrate
    misses = np.abs(target[rows] - np.maximum(trees.predict(full[rows]), 0.0))
    model = RemainingTimeModel(
        features=FEATURES,
        vocabulary=vocabulary,
        trees=trees,
        radii=_radii(misses, [activity[row] for row in rows]),
        medians=medians(material),
        coverage=COVERAGE,
    )
    return model, {"rounds": booster.num_trees(), **_SETTINGS}


def medians(material: Points) -> dict[str, float]:
    """Naive baseline: median days by last activity in the fit slice, ``""`` for all."""
    rows = material.slices.fit
    frame = pd.DataFrame(
        {
            "activity": [str(material.columns["last_activity"][row]) for row in rows],
            "days": material.days[rows],
        }
    )
    by_activity = frame.groupby("activity")["days"].median()
    return {"": float(frame["days"].median()), **{str(k): float(v) for k, v in by_activity.items()}}


def _radii(misses: Floats, activity: list[str]) -> dict[str, float]:
    groups: dict[str, list[float]] = {}
    for name, miss in zip(activity, misses, strict=True):
        groups.setdefault(name, []).append(float(miss))
    radii = {
        name: conformal_quantile(np.array(found), coverage=COVERAGE)
        for name, found in groups.items()
        if len(found) >= GROUP_FROM
    }
    return {"": conformal_quantile(misses, coverage=COVERAGE), **radii}


def _boost(
    rows: Floats, target: Floats, weight: Floats, *, held: tuple[Floats, Floats], seed: int
) -> lgb.Booster:
    codes = [n for n, feature in enumerate(FEATURES) if feature.code]
    train = lgb.Dataset(
        rows,
        target,
        weight=weight,
        feature_name=[feature.name for feature in FEATURES],
        categorical_feature=codes,
        params={"verbosity": -1},
    )
    return lgb.train(
        {**_SETTINGS, "seed": seed},
        train,
        num_boost_round=ROUNDS,
        valid_sets=[train.create_valid(*held)],
        callbacks=[lgb.early_stopping(15, verbose=False)],
    )
