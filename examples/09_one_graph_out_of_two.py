"""
One graph out of two
====================

Two exports say something of the same countries, each in its own words: the one in English, and from
the country; the other in German, and from the language. They are aligned without a known pair,
their relations by what they say, and become one graph in which each fact keeps its source.

The data is that of Unicode's CLDR, as the package Babel brings it (Unicode License v3).

Takes seconds. Needs the extra ``plot``, and Babel.
"""

import warnings

import matplotlib.pyplot as plt
from babel import Locale
from babel.languages import get_official_languages, get_territory_language_info
from babel.numbers import get_territory_currencies

from ibmea_sklearn import AlignmentWarning, KnowledgeGraph, PropagationAligner, align_schema, merge

# %%
# Two exports
# -----------
# The first one knows the official languages, the second one those that more than a hundredth of the
# people speak; both know with what one pays. The ids of the second end with a star: none is that of
# the first.

countries = [code for code in Locale("en").territories if code.isalpha()]
official = {code: get_official_languages(code, de_facto=True) for code in countries}
spoken = {
    code: [
        c for c, said in get_territory_language_info(code).items() if said["population_percent"] > 1
    ]
    for code in countries
}
pays = [(code, money) for code in countries for money in get_territory_currencies(code)]


def names(language, mark):
    """Return the names of countries, languages and currencies in a language."""
    locale = Locale(language)
    return {
        **{
            f"country/{c}{mark}": (n, language)
            for c, n in locale.territories.items()
            if c.isalpha()
        },
        **{f"language/{c}{mark}": (n, language) for c, n in locale.languages.items()},
        **{f"currency/{c}{mark}": (n, language) for c, n in locale.currencies.items()},
    }


kg1 = KnowledgeGraph(
    [(f"country/{c}", "speaks", f"language/{x}") for c in countries for x in official[c]]
    + [(f"country/{c}", "pays with", f"currency/{x}") for c, x in pays],
    {f"country/{c}": {"number of languages": len(official[c])} for c in countries},
    names=names("en", ""),
    name="english",
)
kg2 = KnowledgeGraph(
    [(f"language/{x}*", "Sprache von", f"country/{c}*") for c in countries for x in spoken[c]]
    + [(f"country/{c}*", "Währung", f"currency/{x}*") for c, x in pays],
    {f"country/{c}*": {"number of languages": len(spoken[c])} for c in countries},
    names=names("de", "*"),
    name="german",
)

# %%
# Which entities are the same
# ---------------------------
# Found without known pairs; a match that is not sure is not used.

warnings.simplefilter("ignore", AlignmentWarning)
matches = PropagationAligner(random_state=0, verbose=0).fit(kg1, kg2).align()
matches = matches[matches["confidence"] >= 0.5]
right = (matches["target"] == matches["source"] + "*").mean()
print(f"{len(matches):,} matches, {right:.1%} of them right")

# %%
# Which relations are the same
# ----------------------------
# Names are not compared. "Sprache von" is "speaks" from the other end, and broader: more languages
# are spoken in a country than are official there.

schema = align_schema(kg1, kg2, matches)
print(schema[["source", "target", "direction", "predicate", "share_source", "share_target"]])

# %%
# One graph
# ---------
# The two count other languages; here the number of the official ones stays. What was left out is in
# the provenance, so that both graphs come back.

merged = merge(kg1, kg2, matches, schema=schema, values={"number of languages": "left"})
print(merged, merged.graph, sep="\n")
print(merged.conflicts[["entity", "attribute", "left", "right", "kept"]].head())
assert len(merged.split()[1].attribute_values) == len(kg2.attribute_values)

# %%
facts = merged.provenance["relation_triples"].drop_duplicates("fact")
shares = facts.groupby(["relation", "found_in"]).size().unstack(fill_value=0)
figure, axes = plt.subplots(figsize=(7, 2.6), layout="constrained")
shares[["left", "both", "right"]].plot.barh(stacked=True, ax=axes)
axes.set(xlabel="facts", ylabel="", title="Where the facts of the merged graph are from")
figure.savefig("one_graph_out_of_two.png", dpi=150)
