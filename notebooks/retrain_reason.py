# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Retrain the return-reason model
#
# Trains the model that reads inspection notes on the newest history of a home, compares it with
# the naive baseline and the current champion on the last slice of time, and says whether to
# promote it. The notebook holds no logic of its own: everything is in `models`, and every run is
# kept in the home's MLflow store.

# %% tags=["parameters"]
home = None  # folder of the installation; None means RETRACE_HOME or .retrace
promote_if_better = False  # True moves the champion alias and rewrites the serving bundle

# %%
from dataclasses import asdict

import pandas as pd

from ingestion.settings import Settings
from models import evaluate, promote, train

settings = Settings.load(home)

# %% [markdown]
# ## Train
#
# Four slices of time, whole RMAs in one slice: fit, tune (strength of the head), calibrate
# (probabilities and prediction sets), test.

# %%
train(settings, ["reason"])
[report] = evaluate(settings, ["reason"])
pd.Series(dict(report.lines), name="lines")

# %% [markdown]
# ## Compare
#
# Same lines for all. `log_loss` decides (it is proper: only honest probabilities win it);
# `macro_f1` and `balanced_accuracy` show the rare reasons that accuracy hides.

# %%
rows = {f"challenger (version {report.version})": report.scores}
if report.champion is not None:
    rows["champion"] = report.champion
rows |= {f"baseline: {name}": scores for name, scores in report.baselines.items()}
pd.DataFrame({name: asdict(scores) for name, scores in rows.items()}).T.round(3)

# %% [markdown]
# ## Can its promises be relied on?
#
# Prediction sets promise to hold the true reason; the share that do, and how large they are.

# %%
pd.Series(
    {
        "promised coverage": report.promised,
        "coverage on later lines": report.coverage,
        "mean set size": report.set_size,
        "share abstained": report.abstained,
        "calibration error": report.scores.ece,
        "calibration error by chance": report.ece_by_chance,
        "median latency (ms)": report.latency_ms,
    }
).round(3)

# %% [markdown]
# ## Decision

# %%
decision = promote(settings, "reason", act=promote_if_better)
print(f"{'promote' if decision.promoted else 'hold'}, because {decision.because}")
