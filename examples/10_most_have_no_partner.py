"""
Two wordnets, where most have no partner
========================================

A wordnet holds the meanings of a language: each is a set of words, and stands under a wider one.
The Turkish one and the English one were built apart, and then some meanings of the first were
linked to the second. Most have no partner that anyone knows of. An aligner that gives each entity a
match is then mostly wrong; one that can say "none" has to know when.

Takes a minute. Needs the extras ``wordnets`` and ``plot``.
"""

import warnings
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np

from ibmea_sklearn import AlignmentWarning, PropagationAligner
from ibmea_sklearn.datasets import load_wordnets
from ibmea_sklearn.featurizers import LabelPropagation
from ibmea_sklearn.metrics import precision_recall_f1

# %%
# A part of both
# --------------
# The whole has 78,327 and 117,791 meanings. Taken are some that are linked, and all that stands
# directly above, below or beside them on either side: without neighbours there is no structure.

n_entities = 150
kg1, kg2, links = load_wordnets("all")
chosen = np.random.default_rng(0).permutation(np.unique(links[:, 0].astype(str)))[:n_entities]
some = links[np.isin(links[:, 0].astype(str), chosen)]


def around(kg, ids):
    """Take the part of a graph that holds these entities and their neighbours."""
    near = np.zeros(kg.n_entities, bool)
    near[kg.entity_index(ids)] = True
    heads, _, tails = kg.relation_triples.T
    kept = near.copy()
    kept[heads[near[tails]]] = kept[tails[near[heads]]] = True
    return kg.without(kg.entity_ids[~kept])


kg1, kg2 = around(kg1, some[:, 0]), around(kg2, some[:, 1])
links = links[np.isin(links[:, 0], kg1.entity_ids) & np.isin(links[:, 1], kg2.entity_ids)]
print(kg1, kg2, sep="\n")
print(f"{len(set(links[:, 0]))} of {kg1.n_entities} Turkish meanings have a link")

# %%
# What is known, and what is asked
# --------------------------------
# A meaning may have several links; only one that has a single one can be a seed. Asked is about
# everything else on the Turkish side, those without a link included: for them "none" is right.

left, right = (Counter(links[:, side]) for side in (0, 1))
single = np.array([(a, b) for a, b in links if left[a] == right[b] == 1], object)
seeds = single[: len(single) // 10]


def truth(known):
    """List the true pairs that are not known, and each entity without one beside None."""
    known = set(known[:, 0])
    open_ones = [(a, b) for a, b in links if a not in known]
    return open_ones + [(entity, None) for entity in kg1.entity_ids if entity not in left]


# %%
# Without seeds and with a tenth
# ------------------------------
# Turkish and English words share little: names of places, plants, dances, and loanwords. Those give
# the first pairs, the hierarchies the next.

warnings.simplefilter("ignore", AlignmentWarning)
levels = np.array([0.0, 0.1, 0.3, 0.5, 0.7, 0.9])
curves = {}
for title, known in {"no seeds": seeds[:0], "a tenth as seeds": seeds}.items():
    aligner = PropagationAligner(propagation=LabelPropagation(1024), random_state=0, verbose=0)
    aligner.fit(kg1, kg2, known if len(known) else None)
    matches, true = aligner.align(), truth(known)
    kept = [matches[matches["confidence"] >= level] for level in levels]
    curves[title] = np.array([precision_recall_f1(table, true) for table in kept])
    print(title, curves[title][0].round(3), "best F1", np.nanmax(curves[title][:, 2]).round(3))

# %%
# The lower the confidence that is asked for, the more is found, and the more of it is wrong. What
# counts as wrong is an upper bound: that nobody has linked a meaning doesn't prove that the other
# language lacks it.

figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), sharey=True, layout="constrained")
for panel, (title, curve) in zip(axes, curves.items(), strict=True):
    for name, values in zip(("precision", "recall", "F1"), curve.T, strict=True):
        panel.plot(levels, values, marker="o", label=name)
    panel.set(title=title, xlabel="least confidence", ylim=(0, 1))
axes[0].legend()
figure.savefig("most_have_no_partner.png", dpi=150)
