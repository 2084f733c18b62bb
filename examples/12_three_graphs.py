"""
Three graphs at once
====================

Three parties have drawn the emoji: OpenMoji and Twemoji in colours, Noto Emoji in black lines, each
with names in four other languages. Each two of them can be aligned. Where a drawing of OpenMoji is
one of Twemoji, and this one of Noto's, that speaks for a match of the first and the last; and where
the three contradict each other, one of them is wrong.

Takes half a minute. Needs the extras ``emoji``, ``images`` and ``plot``.
"""

import io
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image
from sklearn.model_selection import train_test_split

from ibmea_sklearn import PropagationAligner, align_all
from ibmea_sklearn.datasets import load_emoji
from ibmea_sklearn.metrics import precision_recall_f1

# %%
# Some of the emoji
# -----------------
# Each row of the links is one emoji, with a column for each graph. Taken are some of the rows, and
# the words that these emoji are named by.

n_entities = 600
*whole, links = load_emoji(parties=3)
links = links[:n_entities]


def part_of(kg, emoji):
    """Take these emoji of a graph, and what they point at."""
    kept = np.zeros(kg.n_entities, bool)
    kept[kg.entity_index(emoji)] = True
    heads, _, tails = kg.relation_triples.T
    kept[tails[kept[heads]]] = True
    return kg.without(kg.entity_ids[~kept])


parts = [part_of(kg, emoji) for kg, emoji in zip(whole, links.T, strict=True)]
graphs = {kg.name: kg for kg in parts}
print(*parts, sep="\n")

# %%
# Align them all
# --------------
# Three in ten emoji are known in all three graphs, and of the others nothing: no test pair follows
# from two seeds. ``align_all`` fits the aligner to each two graphs, and joins what it finds to
# clusters of at most one entity of each graph.

train, test = train_test_split(links, train_size=0.3, random_state=0)
column = {name: i for i, name in enumerate(graphs)}
seeds = {two: train[:, [column[name] for name in two]] for two in combinations(graphs, 2)}
joined = align_all(graphs, PropagationAligner(random_state=0, verbose=0), seeds)
sizes = joined.clusters.groupby("cluster").size()
print(f"{len(sizes)} clusters, {(sizes == 3).sum()} of them with an entity of each graph")

# %%
# Two by two, and all together
# ----------------------------
# Of each two graphs: what their own alignment says, with all its matches and with those of which it
# is surer than one half, as ``align_all`` is, and what the clusters say. All are judged alike, by
# all that they say of the test emoji.

scores = {}
for two in joined.alignments:
    true = test[:, [column[name] for name in two]]
    said = joined.alignments[two]
    tables = {
        "their own alignment": said,
        "above one half": said[said["confidence"] >= 0.5],
        "all three": joined.pairs(*two),
    }
    found = {way: precision_recall_f1(table, true) for way, table in tables.items()}
    scores[two] = {way: score.f1 for way, score in found.items()}
    for way, (precision, recall, f1) in found.items():
        print(f"{two}, {way}: precision {precision:.3f}, recall {recall:.3f}, F1 {f1:.3f}")

# %%
# What speaks against each other
# ------------------------------
# A match that would bring two entities of one graph together is left out, and told. A person judges
# these first.

print(joined.contradictions[["source", "target", "support", "entity_1", "entity_2"]].head())

# %%
# The clusters that were the hardest to find
# ------------------------------------------
# The least sure clusters of three emoji, beside the figures of above. With all 1,883 emoji the mean
# F1 of the three pairs is .834 by their own alignments and .853 by the clusters, the mean of three
# splits: :doc:`/howto/several_graphs` has the table.


def drawing(graph, entity):
    """Return the image of an entity, on white."""
    images = graphs[graph].images
    (row,) = np.flatnonzero(images.entities == graphs[graph].entity_index([entity])[0])
    with Image.open(io.BytesIO(images.values[row])) as image:
        above = image.convert("RGBA")
    white = Image.new("RGBA", above.size, "white")
    return Image.alpha_composite(white, above)


emoji = joined.clusters[joined.clusters["entity"].isin(links.ravel())]
full = emoji.groupby("cluster").filter(lambda members: len(members) == 3)
last = full["cluster"].drop_duplicates().tail(8).tolist()

figure = plt.figure(figsize=(9, 3.4), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=[1.1, 1])
panel = left.subplots()
for i, way in enumerate(("their own alignment", "above one half", "all three")):
    heights = np.arange(len(scores)) + (1 - i) * 0.27
    panel.barh(heights, [score[way] for score in scores.values()], 0.25, label=way)
panel.set(yticks=range(len(scores)), yticklabels=["\n".join(two) for two in scores])
panel.set(xlim=(0, 1), xlabel="F1")
left.legend(loc="outside upper center", ncols=3, fontsize=7)
cells = np.atleast_2d(right.subplots(len(graphs), max(len(last), 1)))
for row, graph in zip(cells, graphs, strict=True):
    for cell in row:
        cell.axis("off")
    for cell, cluster in zip(row, last, strict=False):
        (member,) = full[(full["cluster"] == cluster) & (full["graph"] == graph)]["entity"]
        cell.imshow(drawing(graph, member))
right.suptitle(
    "OpenMoji CC BY-SA 4.0, Twemoji CC BY 4.0, Noto Emoji OFL 1.1: the least sure", fontsize=7
)
figure.savefig("three_graphs.png", dpi=150)
