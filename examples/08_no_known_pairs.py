"""
Align without known pairs
=========================

Two graphs of countries, languages and currencies, one with English names and one with German ones,
and not a single pair that is known to be the same. Names find pairs, what stands around an entity
confirms or contradicts them, and pairs that are found tell more about their neighbours.

The data is that of Unicode's CLDR, as the package Babel brings it (Unicode License v3).

Takes seconds. Needs the extras ``rdf`` and ``plot``, and Babel.
"""

import tempfile
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from babel import Locale
from babel.languages import get_official_languages, get_territory_language_info
from babel.numbers import get_territory_currencies

from ibmea_sklearn import AlignmentWarning, PropagationAligner, SeedFinder
from ibmea_sklearn.io import read_rdf

# %%
# Two RDF files
# -------------
# One graph says which languages are official in a country, the other which are spoken by more than
# a hundredth of its people; both say which currency is paid with. Entities are called by numbers in
# another order on either side: nothing but names and facts tells what is what.

LABEL = "http://www.w3.org/2000/01/rdf-schema#label"


def write_graph(path, language, languages_of, seed):
    """Write a graph, and return the IRI of each country, language and currency."""
    locale = Locale(language)
    names = {
        **{("country", code): n for code, n in locale.territories.items() if code.isalpha()},
        **{("language", code): n for code, n in locale.languages.items() if len(code) < 4},
        **{("currency", code): n for code, n in locale.currencies.items()},
    }
    numbers = np.random.default_rng(seed).permutation(len(names)).tolist()
    space = f"http://{language}.example.org/"
    iris = {thing: f"{space}e{n}" for thing, n in zip(names, numbers, strict=True)}
    lines = [f'<{iris[thing]}> <{LABEL}> "{name}"@{language} .' for thing, name in names.items()]
    for kind, code in names:
        if kind == "country":
            facts = [("speaks", ("language", c)) for c in languages_of(code)]
            facts += [("pays", ("currency", c)) for c in get_territory_currencies(code)]
            lines += [
                f"<{iris[kind, code]}> <{space}{relation}> <{iris[other]}> ."
                for relation, other in facts
                if other in iris
            ]
    path.write_text("\n".join(lines), "utf-8")
    return iris


def official(country):
    return get_official_languages(country, de_facto=True)


def spoken(country):
    shares = get_territory_language_info(country)
    return [code for code, said in shares.items() if said["population_percent"] > 1]


with tempfile.TemporaryDirectory() as folder:
    english, german = Path(folder) / "english.nt", Path(folder) / "german.nt"
    iris1 = write_graph(english, "en", official, seed=1)
    iris2 = write_graph(german, "de", spoken, seed=2)
    kg1, kg2 = read_rdf(english), read_rdf(german)
print(kg1, kg2, sep="\n")

# %%
# No pairs go in
# --------------
# ``fit`` with two graphs. Kinds of evidence judge each other: how much names count is learnt from
# pairs that the neighbourhood finds without them, and the other way round. Nothing tells what a
# confidence is worth; a warning says so, which is known here.

warnings.simplefilter("ignore", AlignmentWarning)
aligner = PropagationAligner(random_state=0, verbose=0).fit(kg1, kg2)
print({channel: round(weight, 2) for channel, weight in aligner.channel_weights_.items()})
print(aligner.align().head())

# %%
# The codes of CLDR, which neither graph has, tell what is right.

links = np.array([(iris1[thing], iris2[thing]) for thing in iris1 if thing in iris2])
print(f"Hits@1 of {len(links)} entities: {aligner.score(links):.3f}")

# %%
# Pairs to look at
# ----------------
# :class:`~ibmea_sklearn.SeedFinder` gives the pairs as a table, with the kinds of evidence that
# agree on each. Where two independent kinds agree, hardly any pair is wrong.

found = SeedFinder(PropagationAligner(random_state=0, verbose=0)).find(kg1, kg2)
found["right"] = found["source"].map(dict(links.tolist())) == found["target"]
shares = found.groupby("evidence")["right"].agg(["mean", "size"]).sort_values("size")
print(shares)

# %%
figure, axes = plt.subplots(figsize=(7, 0.6 * len(shares) + 1.2), layout="constrained")
bars = axes.barh([kinds or "none alone" for kinds in shares.index], shares["mean"])
axes.bar_label(bars, [f"{n} pairs" for n in shares["size"]], label_type="center", color="white")
axes.set(xlim=(0, 1), xlabel="share of pairs that are right", title="By what agrees on them")
figure.savefig("no_known_pairs.png", dpi=150)
