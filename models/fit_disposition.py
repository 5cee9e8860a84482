"""Train the disposition trees. Training only."""

from typing import Any, Final

import lightgbm as lgb
import numpy as np

from models.arrays import Floats, Ints
from models.disposition import FEATURES, DispositionModel
from models.examples import Examples, masked, pair_of, usual_shares, value_of
from models.features import Vocabulary, attributes, matrix
from models.fit_reason import calibrated
from models.items import Items
from models.trees import Trees

OPTIONAL: Final = (
    "condition",
    "grade",
    "reason_declared",
    "reason_inspected",
    "channel",
    "policy",
    "carrier",
    "resolution_requested",
    "unit_price",
    "serial_match",
    "seal_ok",
    "accessories_ok",
    "requested_at",
    "sku",
)
MASKED_SHARE: Final = 0.4
ROUNDS: Final = 300
PATIENCE: Final = 15
_SETTINGS: Final[dict[str, Any]] = {
    "objective": "multiclass",
    "learning_rate": 0.1,
    "num_leaves": 31,
    "min_data_in_leaf": 15,
    "feature_fraction": 0.8,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "max_cat_to_onehot": 8,
    "cat_smooth": 20.0,
    "verbosity": -1,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
}


def fit_disposition(
    material: Examples, items: Items, *, seed: int = 0
) -> tuple[DispositionModel, dict[str, Any]]:
    """Fit on the first slice, stop on the second, calibrate on the third.

    A second copy of every fit line lacks fields at random, because a request may.

    Returns
    -------
    model, parameters
        What was chosen, for the record.
    """
    slices = material.slices
    fit, tune = material.within(slices.fit), material.within(slices.tune)
    names = [feature.name for feature in FEATURES if feature.code]
    joined = attributes(material.columns, items)
    vocabulary = Vocabulary.learn(
        {name: [joined[name][row] for row in fit] for name in names}, names
    )
    rng = np.random.default_rng(seed)
    sparse = masked(material.columns, dict.fromkeys(OPTIONAL, MASKED_SHARE), rng)
    full = matrix(joined, FEATURES, vocabulary)
    thin = matrix(attributes(sparse, items), FEATURES, vocabulary)
    booster = _boost(
        np.vstack([full[fit], thin[fit]]),
        np.concatenate([material.label[fit]] * 2),
        held=(full[tune], material.label[tune]),
        classes=len(material.classes),
        seed=seed,
    )
    trees = Trees.parse(booster.model_to_string())
    held = slices.calibrate
    calibration, sets = calibrated(trees.predict(full[held]), material.label[held])
    model = DispositionModel(material.classes, FEATURES, vocabulary, trees, calibration, sets)
    return model, {"rounds": booster.num_trees() // len(material.classes), **_SETTINGS}


def baselines(material: Examples) -> dict[str, Floats]:
    """Naive answers: what is usual for the condition, and for the condition at the site."""
    return {
        "condition": usual_shares(material, [value_of("condition")]),
        "condition_and_site": usual_shares(
            material, [pair_of("condition", "site"), value_of("condition")]
        ),
    }


def _boost(
    rows: Floats, label: Ints, *, held: tuple[Floats, Ints], classes: int, seed: int
) -> lgb.Booster:
    codes = [n for n, feature in enumerate(FEATURES) if feature.code]
    names = [feature.name for feature in FEATURES]
    settings = {**_SETTINGS, "num_class": classes, "seed": seed}
    train = lgb.Dataset(
        rows, label, feature_name=names, categorical_feature=codes, params={"verbosity": -1}
    )
    return lgb.train(
        settings,
        train,
        num_boost_round=ROUNDS,
        valid_sets=[train.create_valid(*held)],
        callbacks=[lgb.early_stopping(PATIENCE, verbose=False)],
    )
