"""
Robust to noisy images
======================

Images of knowledge graphs are bad: cropped, blurred, of something else. The bottleneck of the paper
is meant to keep noise out, and ``beta_image`` says how tight it is. Here a growing share of the
image features is set to zero. What does that cost, and does another beta help? What do such images
still add to the graph?

Takes about a minute on 2 cores. Needs the extras ``demo`` and ``plot``.
"""

# %%
# Noise with a knob
# -----------------
# ``FeatureDropoutNoise`` is one more step behind the image encoder. It spoils the data, so the
# emoji to learn from and those to be tested on are treated alike. The encoder keeps its features
# on disk: no image is encoded twice.

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.ticker import PercentFormatter
from sklearn.base import clone
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from ibmea_sklearn import (
    FeatureEncoding,
    IBMEAAligner,
    ModalityFeaturizer,
    Rounds,
    SeedPairs,
    Training,
)
from ibmea_sklearn.datasets import load_emoji
from ibmea_sklearn.featurizers import FeatureDropoutNoise, ImageEncoder, pair_similarities

kg1, kg2, links = load_emoji()
X = SeedPairs(kg1, kg2, links)
featurizer = ModalityFeaturizer(
    image=make_pipeline(ImageEncoder(verbose=0), FeatureDropoutNoise()), remainder="drop"
)
FRACTIONS = (0.0, 0.2, 0.4, 0.6)
noisy = {}
for fraction in FRACTIONS:
    featurizer.set_params(image__featuredropoutnoise__fraction=fraction)
    spoilt = featurizer.fit_transform(X)
    noisy[fraction] = train_test_split(spoilt, train_size=0.3, random_state=0)
    cosine = pair_similarities(spoilt).mean()
    print(f"{fraction:.0%} of the numbers gone: mean cosine of true pairs {cosine:.2f}")

# %%
# Images alone, by two betas
# --------------------------
# ``frozen=[]``: only what went through the bottleneck is compared, not the features as they are.

small = IBMEAAligner(
    modalities=["image"],
    features=FeatureEncoding(n_components=64, frozen=[]),
    training=Training(max_epochs=15),
    rounds=Rounds(n_rounds=1),
    device="cpu",
    random_state=0,
    verbose=0,
)


def hits_by_noise(aligner: IBMEAAligner) -> list[float]:
    return [clone(aligner).fit(train).score(test) for train, test in noisy.values()]


curves = pd.DataFrame(
    {
        f"images, beta {beta:g}": hits_by_noise(clone(small).set_params(beta_image=beta))
        for beta in (1e-3, 1.0)
    },
    index=FRACTIONS,
)
print(curves.rename_axis("gone").to_string(float_format="%.3f"))

# %%
# Each side loses numbers of its own, so that a fifth of them gone costs far more than a fifth of
# the pairs. A tight bottleneck is no cure: it takes away from intact images, and gives nothing back
# to damaged ones.

# %%
# With the graph beside them
# --------------------------
# What the graph says does not depend on images. How much of what they add is left?

graph = clone(small).set_params(modalities=["graph"], propagation="drop", graph__n_components=64)
curves["graph and images"] = hits_by_noise(clone(graph).set_params(modalities=["graph", "image"]))
train, test = noisy[0.0]
curves["graph"] = clone(graph).fit(train).score(test)
print(curves.iloc[:, -2:].rename_axis("gone").to_string(float_format="%.3f"))

# %%
# The picture
# -----------

figure, ax = plt.subplots(figsize=(7.5, 4.5), layout="constrained")
for name, style in zip(curves, ("C0o-", "C0s--", "C1o-", "k:"), strict=True):
    ax.plot(curves.index, curves[name], style, label=name)
ax.xaxis.set_major_formatter(PercentFormatter(1))
ax.set(xlabel="Share of image features set to zero", ylabel="Hits@1 on test pairs", ylim=(0, 1))
ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
figure.savefig("robust_to_noisy_images.png", dpi=150)

# %%
# Good images about double what the graph finds. What they add melts with the noise, and at the end
# they are no help any more, or even harm: the weight of a channel is learnt on few known pairs that
# were held out, and does not fall to zero. Where a modality is that bad, leave it out.
