"""
The posterior's variance as uncertainty
=======================================

A variational encoder says of each entity not only where it is, but how sure it is of that: the
variance of its posterior. Does a wide posterior warn of a wrong pair, or of bad data? Three signs
of doubt, compared on pairs that the aligner has not seen.

Takes less than a minute on 2 cores. Needs the extras ``demo`` and ``plot``.
"""

# %%
# By images alone
# ---------------
# Other modalities would hide what the encoder of one says, so here the emoji are aligned by their
# images only; many pairs come out wrong then, which is what we want to be warned of. The bottleneck
# is what gives the variance a meaning: without it nothing holds the posterior back from being
# narrow everywhere.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from ibmea_sklearn import (
    FeatureEncoding,
    IBMEAAligner,
    Matching,
    ModalityFeaturizer,
    Rounds,
    SeedPairs,
    Training,
)
from ibmea_sklearn.datasets import load_emoji
from ibmea_sklearn.featurizers import FeatureDropoutNoise, ImageEncoder

kg1, kg2, links = load_emoji()
featurizer = ModalityFeaturizer(image=ImageEncoder(verbose=0), remainder="drop")
X = featurizer.fit_transform(SeedPairs(kg1, kg2, links))
train, test = train_test_split(X, train_size=0.3, random_state=0)

small = IBMEAAligner(
    modalities=["image"],
    features=FeatureEncoding(n_components=64, frozen=[]),
    training=Training(max_epochs=30),
    rounds=Rounds(n_rounds=1),
    matching=Matching("csls"),
    device="cpu",
    random_state=0,
    verbose=0,
)

# %%
# Three signs of doubt
# --------------------
# ``variances_`` holds the variances of both graphs' entities, ``embeddings_`` the means. Of each
# pair that is found, take
#
# - the mean logarithm of the variance, of both entities;
# - the divergence of the left entity's posterior from the prior: how many nats the bottleneck has
#   let through;
# - the score of the match, by CSLS: how much nearer the two are than others are to either.


def signs(aligner: IBMEAAligner) -> pd.DataFrame:
    """By pair found, larger is surer; and whether it is right."""
    found = aligner.candidates(test, k=1)
    left, right = kg1.entity_index(found["source"]), kg2.entity_index(found["target"])
    mean, variance = aligner.embeddings_["image"].left, aligner.variances_["image"]
    log_left, log_right = np.log(variance.left), np.log(variance.right)
    nats = (mean**2 + variance.left - log_left - 1).sum(axis=1) / 2
    doubt = log_left.mean(axis=1)[left] + log_right.mean(axis=1)[right]
    return pd.DataFrame(
        {
            "variance": -doubt / 2,
            "divergence": nats[left],
            "match": found["score"],
            "is_right": found["target"].to_numpy() == test.targets,
        }
    )


# %%
# Which of them tells?
# --------------------
# AUC: how often a right pair looks surer than a wrong one; 0.5 is chance. By three betas.

SIGNS = ["variance", "divergence", "match"]
tables = {
    beta: signs(clone(small).set_params(beta_image=beta).fit(train)) for beta in (1e-3, 1e-1, 1.0)
}
aucs = pd.DataFrame(
    {
        beta: {
            "share right": table["is_right"].mean(),
            **{f"AUC of {sign}": roc_auc_score(table["is_right"], table[sign]) for sign in SIGNS},
        }
        for beta, table in tables.items()
    }
)
print(aucs.rename_axis("beta_image", axis=1).to_string(float_format="%.3f"))

# %%
# Right pairs do have lower variance than wrong ones, but only by a little: the variance alone is a
# weak warning, whatever the beta. The score of the match tells much more. It knows what the
# posterior of an entity cannot know: how many others are just as near.

# %%
# The picture
# -----------
# On the left, the variances of right and of wrong pairs. On the right, what one would gain by it:
# keep only the surest pairs, and see how many of them are right.

table = tables[1e-1]
right, wrong = (-table.loc[table["is_right"] == is_right, "variance"] for is_right in (True, False))
print(f"mean log variance: {right.mean():.3f} of right pairs, {wrong.mean():.3f} of wrong ones")

figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
edges = np.linspace(-table["variance"].max(), -table["variance"].min(), 31)
for values, label, colour in ((right, "right", "#0072B2"), (wrong, "wrong", "#D55E00")):
    axes[0].hist(values, edges, density=True, alpha=0.6, color=colour, label=f"{label} pairs")
axes[0].set(xlabel="Mean log variance of both entities", ylabel="Density")
axes[0].legend()
n_kept = np.arange(1, len(table) + 1)
for sign in SIGNS:
    surest_first = table["is_right"].to_numpy()[np.argsort(-table[sign], kind="stable")]
    axes[1].plot(n_kept / len(table), surest_first.cumsum() / n_kept, label=f"surest by {sign}")
axes[1].axhline(table["is_right"].mean(), color="0.5", linestyle=":", label="at random")
axes[1].set(xlabel="Share of the pairs that is kept", ylabel="Share of them that is right")
axes[1].set(xlim=(0.02, 1), ylim=(0, 1))
axes[1].legend()
figure.savefig("variance_as_uncertainty.png", dpi=150)

# %%
# Images that are damaged
# -----------------------
# Uncertainty might also tell of bad data. Half of OpenMoji's images lose 40% of their features; who
# reads the posterior is not told which.

features = X.kg1.features["image"]
damaged = FeatureDropoutNoise(0.4).fit_transform(X).kg1.features["image"].values
is_damaged = np.random.default_rng(0).random(kg1.n_entities) < 0.5
mixed = np.where(is_damaged[:, None], damaged, features.values)
half = X.with_graphs(X.kg1.with_features(image=(mixed, features.mask)), X.kg2)
train, test = train_test_split(half, train_size=0.3, random_state=0)
table = signs(clone(small).set_params(beta_image=1e-1).fit(train))
is_damaged = is_damaged[test.indices[:, 0]]
for sign in SIGNS:
    print(f"AUC of {sign} for intact images: {roc_auc_score(~is_damaged, table[sign]):.3f}")

# %%
# Here the order is another: the divergence tells nearly every damaged image, since what has lost
# features is pulled to the prior. The score of the match tells far less, the variance hardly more
# than chance. So read the divergence for what an entity's data are worth, and the match, or
# ``align``'s confidence, for whether a pair is right.
