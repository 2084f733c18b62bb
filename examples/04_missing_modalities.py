"""
Missing modalities
==================

Half of the entities have no image, others no attributes: so it is in every large graph. TMEA fills
in what is missing from what is there, IBMEA gives it no weight. Both on the same graphs, from all
entities with every modality down to one in five, and a look at what was filled in.

Takes less than a minute on 2 cores. Needs the extra ``plot``.
"""

# %%
# Graphs with a knob
# ------------------
# ``make_mmkg_pair`` draws two graphs of one hidden world. ``missing_modalities`` is the share of
# the entities of each graph that lack an image, or attributes, drawn on each side by itself. With
# one in five left, a true pair has an image on both sides once in 25 times.

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.ticker import PercentFormatter
from sklearn.base import clone
from sklearn.model_selection import train_test_split

from ibmea_sklearn import (
    FeatureEncoding,
    GraphEncoding,
    IBMEAAligner,
    ModalityFeaturizer,
    Rounds,
    SeedPairs,
    TMEAAligner,
    Training,
    TripleSteps,
)
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.inspection import WeightsDisplay

n_entities = 300
SHARES = (1.0, 0.8, 0.6, 0.4, 0.2)


def split(share: float) -> tuple[SeedPairs, SeedPairs]:
    kg1, kg2, links = make_mmkg_pair(
        n_entities,
        mean_degree=3,
        structural_overlap=0.5,
        attribute_noise=0.5,
        image_noise=1.5,
        missing_modalities={"image": 1 - share, "attribute": 1 - share},
        random_state=0,
    )
    X = ModalityFeaturizer(value="drop").fit_transform(SeedPairs(kg1, kg2, links))
    return train_test_split(X, train_size=0.3, random_state=0)


pairs = {share: split(share) for share in SHARES}
print(pairs[0.4][0].kg1)

# %%
# Three aligners
# --------------
# TMEA also without its imputation, to see what that is worth. All are small and trained briefly, in
# one round: look at how the curves fall, not at who is ahead.

common = {
    "modalities": ["graph", "relation", "attribute", "image"],
    "features": FeatureEncoding(n_components=64),
    "propagation": "drop",
    "rounds": Rounds(n_rounds=1),
    "device": "cpu",
    "random_state": 0,
    "verbose": 0,
}
tmea = TMEAAligner(triples=TripleSteps(min_steps=10), training=Training(max_epochs=10), **common)
aligners = {
    "IBMEA": IBMEAAligner(
        graph=GraphEncoding(n_components=64), training=Training(max_epochs=20), **common
    ),
    "TMEA": tmea,
    "TMEA, nothing filled in": clone(tmea).set_params(imputation="drop"),
}
fitted = {
    (name, share): clone(aligner).fit(train)
    for name, aligner in aligners.items()
    for share, (train, _) in pairs.items()
}
scores = pd.Series({key: aligner.score(pairs[key[1]][1]) for key, aligner in fitted.items()})
curves = scores.unstack(0)[list(aligners)]
print(curves.rename_axis("share").to_string(float_format="%.3f"))

# %%
# How low can it fall? To what relations alone can tell.

without = clone(aligners["IBMEA"]).set_params(modalities=["graph", "relation"])
floor = without.fit(pairs[SHARES[-1]][0]).score(pairs[SHARES[-1]][1])
print(f"IBMEA by graph and relations: {floor:.3f}")

figure, ax = plt.subplots(figsize=(7.5, 4.5), layout="constrained")
for name, style in zip(curves, ("o-", "s-", "s--"), strict=True):
    ax.plot(curves.index, curves[name], style, label=name)
ax.axhline(floor, color="0.5", linestyle=":", label="IBMEA, graph and relations")
ax.xaxis.set_major_formatter(PercentFormatter(1))
ax.set(xlabel="Share of entities with image, and with attributes", ylabel="Hits@1 on test pairs")
ax.set_ylim(0, 1)
ax.legend(loc="lower right")
figure.savefig("missing_modalities.png", dpi=150)

# %%
# What was filled in
# ------------------
# ``imputed_`` says which vectors were generated. How well do they find their partners?

share = 0.4
train, test = pairs[share]
imputed = fitted["TMEA", share].imputed_
for modality in ("image", "attribute"):
    left, right = imputed[modality]
    new = left[test.indices[:, 0]] | right[test.indices[:, 1]]
    is_first = fitted["TMEA", share].rank(test, modality) <= 1
    print(
        f"{modality}: {left.mean():.0%} of the left vectors were generated. Hits@1 by {modality} "
        f"where neither was: {is_first[~new].mean():.3f}, where one was: {is_first[new].mean():.3f}"
    )

# %%
# Generated vectors find no partner: they are a guess from other modalities, and in these graphs an
# image is drawn whatever the attributes are, so there is nothing to guess it from. So filling in
# makes no difference here that one could tell from chance. Look at your own data in the same way
# before you count on it.

# %%
# How much each channel counts in IBMEA, when all are there and when most are not. The weights are
# learnt on the few known pairs that were held out, and hardly move: what keeps IBMEA from falling
# below its relations is that an entity without image has no part in that channel.

figure, axes = plt.subplots(1, 2, figsize=(11, 2.8), layout="constrained")
for ax, share in zip(axes, (SHARES[0], SHARES[-1]), strict=True):
    WeightsDisplay.from_aligner(fitted["IBMEA", share], ax=ax)
    ax.set_title(f"{share:.0%} with images and attributes")
