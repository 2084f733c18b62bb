"""
A first alignment
=================

Two groups of people have drawn and named the emoji, each in their own way. OpenMoji's drawings have
names in English, Spanish, Russian and Japanese, Twemoji's images have names in German, French,
Portuguese and Chinese. Which emoji of the one is which of the other? A graph for each, a few pairs
that are known, and one estimator that learns from both.

Takes about a minute on 2 cores. Needs the extras ``demo`` and ``plot``.
"""

# %%
# Two graphs, and some known pairs
# --------------------------------
# Entities are emoji and the words of their names. Emoji point at their words, and have an image and
# a few attributes. For each emoji it is known which it is on the other side; three in ten of these
# links are given to the aligner, the others are kept to test it.

import matplotlib.pyplot as plt
from sklearn.model_selection import train_test_split

from ibmea_sklearn import GraphEncoding, IBMEAAligner, LabelPropagation, Training
from ibmea_sklearn.datasets import load_emoji
from ibmea_sklearn.inspection import HitsAtKDisplay, contact_sheet

kg1, kg2, links = load_emoji()
train, test = train_test_split(links, train_size=0.3, random_state=0)
print(kg1, kg2, f"{len(train)} pairs to learn from, {len(test)} to be tested on", sep="\n")

# %%
# Fit
# ---
# Raw graphs will do: images are encoded, relations and attributes are counted on the way. The
# network is smaller here than by default, and trained for less time.

aligner = IBMEAAligner(
    graph=GraphEncoding(n_components=100),
    propagation=LabelPropagation(512, label_width=256),
    training=Training(max_epochs=12),
    random_state=0,
    verbose=0,
)
aligner.fit(kg1, kg2, train)
print(f"Hits@1 on the links that were kept: {aligner.score(test):.3f}")

# %%
# How near are the misses?
# ------------------------
# Hits@1 counts the emoji whose partner ranks first. Where it does not, it may still be among the
# first few. Two lines compare by one part of what the aligner knows, the third by all of it.

figure, ax = plt.subplots(layout="constrained")
for channel in ("image", "graph", "fused"):
    HitsAtKDisplay.from_aligner(aligner, test, channel, name=channel, ax=ax)

# %%
# Candidates
# ----------
# ``predict`` gives the best entity of the second graph, ``candidates`` the first k of them. They
# are drawn from all entities that are no seeds, words among them: this is what a user meets in
# real life, where nobody says which entities have a partner at all.

print(aligner.predict(test[:3, 0]))
print(aligner.candidates(test[:3, 0], k=3).to_string(index=False))

# %%
# One-to-one matches
# ------------------
# ``align`` keeps the pairs that are each other's best. Their confidence is the probability that
# they are right, given that some emoji and words have no partner. It is learnt from known pairs
# that were held out, each looked for with its partner among the candidates and without it.

alignment = aligner.align()
partner = dict(test.tolist())
known = alignment[alignment["source"].isin(list(partner))]
is_right = known["source"].map(partner) == known["target"]
print(alignment.head().to_string(index=False))
print(
    f"{len(known)} of {len(test)} emoji got a partner, {is_right.mean():.1%} of them the right one"
)
for name, of_kind in (("right", known[is_right]), ("wrong", known[~is_right])):
    print(f"mean confidence of {name} ones: {of_kind['confidence'].mean():.2f}")

# %%
# Why this pair?
# --------------
# ``explain`` takes a pair apart: what each channel of similarity says and how much it counts, and
# which neighbours of both are known to be the same.

print(aligner.explain(*known[["source", "target"]].iloc[0], alignment=alignment))

# %%
# A look at them
# --------------
# Right pairs at random, and those wrong ones that the aligner was surest of: the worst that there
# are. Some are near misses, some swap the partners of two pairs, and with some one wonders. Their
# confidences are high because they were picked for it: of all matches that are as sure, they are
# the few in a hundred that are expected to be wrong.

sheet = contact_sheet(
    kg1,
    kg2,
    alignment,
    test,
    n_right=12,
    n_wrong=12,
    title="OpenMoji on the left, Twemoji on the right",
    footer=["Left: OpenMoji, CC BY-SA 4.0. Right: Twemoji, CC BY 4.0."],
)
figure, ax = plt.subplots(figsize=(sheet.width / 100, sheet.height / 100), layout="constrained")
ax.imshow(sheet)
ax.set_axis_off()
figure.savefig("first_alignment.png", dpi=150)

# sphinx_gallery_thumbnail_number = 2
