"""
What each modality brings
=========================

Graph, images, relations, attributes: which of them does the work? An ablation answers it in two
ways. A modality alone says what it knows; one left out says what nobody else knows. The two may
differ, and only the second tells what would be lost.

Takes about a minute on 2 cores. Needs the extras ``demo`` and ``plot``.
"""

# %%
# Features, once for all
# ----------------------

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.model_selection import train_test_split

from ibmea_sklearn import (
    FeatureEncoding,
    GraphEncoding,
    IBMEAAligner,
    LabelPropagation,
    ModalityFeaturizer,
    Rounds,
    SeedPairs,
    Training,
)
from ibmea_sklearn.datasets import load_emoji
from ibmea_sklearn.inspection import SimilarityDisplay, WeightsDisplay

kg1, kg2, links = load_emoji()
X = ModalityFeaturizer(value="drop", verbose=0).fit_transform(SeedPairs(kg1, kg2, links))
train, test = train_test_split(X, train_size=0.3, random_state=0)

# %%
# Nine aligners
# -------------
# Each is trained anew on what it may see. To train one with everything and to leave a modality out
# of the comparison only would be another question: the modality would still have found pairs, and
# shaped the network. With the graph go the labels that are sent along its relations.

MODALITIES = ["graph", "image", "relation", "attribute"]
small = IBMEAAligner(
    graph=GraphEncoding(n_components=64),
    features=FeatureEncoding(n_components=64),
    propagation=LabelPropagation(512, label_width=128),
    training=Training(max_epochs=10),
    rounds=Rounds(n_rounds=1),
    device="cpu",
    random_state=0,
    verbose=0,
)


def fit(modalities: list[str]) -> IBMEAAligner:
    return clone(small).set_params(modalities=modalities).fit(train)


complete = fit(MODALITIES)
everything = complete.score(test)
table = pd.DataFrame(
    {
        "alone": [fit([m]).score(test) for m in MODALITIES],
        "left out": [fit([o for o in MODALITIES if o != m]).score(test) for m in MODALITIES],
    },
    index=MODALITIES,
)
table["lost without it"] = everything - table["left out"]
print(f"Hits@1 by everything: {everything:.3f}")
print(table.to_string(float_format="%.3f"))

# %%
# How much of that is chance?
# ---------------------------
# A share of n test pairs has a standard error. Differences below two of them say nothing; nor do
# they tell which of two random seeds is luckier.

error = np.sqrt(everything * (1 - everything) / len(test))
print(f"standard error of Hits@1 on {len(test)} pairs: {error:.3f}")

figure, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
table[["alone", "left out"]].plot.barh(ax=ax, color=["#0072B2", "#E69F00"])
ax.axvspan(everything - 2 * error, everything + 2 * error, color="0.85", zorder=0)
ax.axvline(everything, color="black", linewidth=1, label="everything, ± 2 standard errors")
ax.invert_yaxis()
ax.set(xlabel="Hits@1 on test pairs", xlim=(0, 1))
ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
figure.savefig("what_each_modality_brings.png", dpi=150)

# %%
# Graph and images know different things: without either of them far fewer pairs are found. The
# attributes are the surprise. Alone they find nobody, as hundreds of emoji have the same ones; left
# out they are missed, since they rule out what the others take for alike. Which kinds of relations
# an emoji has, of four, says nothing that would be missed.

# %%
# What the complete aligner thinks of them
# ----------------------------------------
# It has learnt how much each channel of similarity counts, on known pairs that were held out.
# Channels "(untrained)" are features as they are, beside what was trained of them.

WeightsDisplay.from_aligner(complete)

# %%
# A weight is no measure of worth: relations have one, too. How far cosines spread differs from
# channel to channel; look rather at how far those of true pairs and of false ones lie apart.

display = SimilarityDisplay.from_aligner(complete, test)
display.figure_.set_layout_engine("constrained")
