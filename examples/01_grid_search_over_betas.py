"""
A grid over the four betas
==========================

Each modality of IBMEA has an information bottleneck, and each bottleneck a weight: its beta. Are
the betas worth a search? Here scikit-learn's ``GridSearchCV`` tries them on the emoji pair:
OpenMoji's drawings with names in English, Spanish, Russian and Japanese on one side, Twemoji's
images with names in German, French, Portuguese and Chinese on the other.

Takes less than 5 minutes on 2 cores. Needs the extras ``demo`` and ``plot``.
"""

# %%
# Two graphs, and known pairs
# ---------------------------
# Three in ten of the links are known. The others wait until the very end.

import tempfile
import time

import matplotlib.pyplot as plt
import pandas as pd
from joblib import Memory
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline

from ibmea_sklearn import (
    FeatureEncoding,
    GraphEncoding,
    IBMEAAligner,
    ModalityFeaturizer,
    Rounds,
    SeedPairs,
    Training,
)
from ibmea_sklearn.datasets import load_emoji
from ibmea_sklearn.inspection import SearchHeatmapDisplay
from ibmea_sklearn.metrics import get_scorer

kg1, kg2, links = load_emoji()
train, test = train_test_split(SeedPairs(kg1, kg2, links), train_size=0.3, random_state=0)
print(kg1, kg2, f"{len(train)} pairs to learn from, {len(test)} to be tested on", sep="\n")

# %%
# A pipeline that encodes images once
# -----------------------------------
# With ``memory`` the features are made once for each fold, not once for each candidate, and worker
# processes read them from one file (``mmap_mode``). The aligner is a small one, trained briefly and
# compared by its trained encoders alone, so that the betas are what the scores depend on.

folder = tempfile.TemporaryDirectory()
pipeline = make_pipeline(
    ModalityFeaturizer(value="drop", verbose=0),
    IBMEAAligner(
        graph=GraphEncoding(n_components=64),
        features=FeatureEncoding(n_components=64, frozen=[]),
        propagation="drop",
        training=Training(max_epochs=6),
        rounds=Rounds(n_rounds=1),
        device="cpu",
        random_state=0,
        verbose=0,
    ),
    memory=Memory(folder.name, mmap_mode="r", verbose=0),
)

# %%
# The grid
# --------
# 36 candidates and 2 folds: 72 fits, by two processes that share both graphs.

grid = {
    "ibmeaaligner__beta_graph": [1e-4, 1e-2, 1.0],
    "ibmeaaligner__beta_image": [1e-4, 1e-2, 1.0],
    "ibmeaaligner__beta_relation": [1e-3, 1e-1],
    "ibmeaaligner__beta_attribute": [1e-3, 1e-1],
}
scoring = {name: get_scorer(name) for name in ("hits@1", "hits@10", "mrr")}
search = GridSearchCV(
    pipeline, grid, cv=2, scoring=scoring, refit="hits@1", n_jobs=2, error_score="raise"
)
start = time.perf_counter()
search.fit(train)
print(f"{time.perf_counter() - start:.0f} s")

# %%
# The table
# ---------
# Best first. ``std`` is over the folds: two candidates that are no further apart are as good as
# each other.

table = pd.DataFrame(search.cv_results_)
columns = {name: name.rpartition("__")[2] for name in table if name.startswith("param_")}
columns |= {f"mean_test_{name}": name for name in scoring} | {"std_test_hits@1": "std of hits@1"}
table = table.sort_values("rank_test_hits@1")[list(columns)].rename(columns=columns)
print(table.to_string(index=False, float_format="%.4g"))

# %%
# The heat maps
# -------------
# Each cell is the best of the candidates that share its two betas.

figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
axes_of = {("beta_image", "beta_graph"): axes[0], ("beta_relation", "beta_attribute"): axes[1]}
for (x, y), ax in axes_of.items():
    SearchHeatmapDisplay.from_search(search, x, y, ax=ax)
figure.savefig("grid_search_over_betas.png", dpi=150)

# %%
# What it brings
# --------------
# The best candidate, trained on all known pairs, against the default betas, on the links that
# neither has seen.

default = pipeline.fit(train)
for name, scorer in scoring.items():
    print(f"{name:8} searched {scorer(search, test):.3f}   default {scorer(default, test):.3f}")
folder.cleanup()
