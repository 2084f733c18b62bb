"""
Your own RDF graphs
===================

Two Turtle files that share no name: rivers and towns in English on one side, in German on the
other. From files to an alignment that other tools can read, in SSSOM and as ``owl:sameAs``.

Takes seconds. Needs the extras ``rdf`` and ``plot``.
"""

# %%
# Two files
# ---------
# They would be yours; here they are written first. Objects that are IRIs make relations, literals
# make attributes with typed values. Populations differ a little, as they do between real sources,
# and not all is said on both sides.

import tempfile
from collections.abc import Iterable
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.base import clone

from ibmea_sklearn import (
    IBMEAAligner,
    LabelPropagation,
    ModalityFeaturizer,
    SeedPairs,
    Training,
)
from ibmea_sklearn.featurizers import AttributeValues
from ibmea_sklearn.io import read_alignment, read_rdf, write_alignment

ENGLISH = """
@prefix : <http://geo.example/en/> .
:Rhine :flowsThrough :Basel, :Strasbourg, :Cologne, :Rotterdam ; :lengthKm 1233 ; :mouth :NorthSea .
:Danube :flowsThrough :Ulm, :Vienna, :Bratislava, :Budapest, :Belgrade ; :lengthKm 2850 ;
    :mouth :BlackSea .
:Elbe :flowsThrough :Dresden, :Hamburg ; :lengthKm 1094 ; :mouth :NorthSea .
:Vltava :flowsThrough :Prague ; :lengthKm 430 ; :mouth :Elbe .
:Sava :flowsThrough :Ljubljana, :Zagreb, :Belgrade ; :lengthKm 990 ; :mouth :Danube .
:Basel :country :Switzerland ; :population 177571 .
:Strasbourg :country :France ; :population 290576 .
:Cologne :country :Germany ; :population 1084831 .
:Rotterdam :country :Netherlands ; :population 651631 .
:Ulm :country :Germany ; :population 126949 .
:Vienna :country :Austria ; :population 1951354 .
:Bratislava :country :Slovakia ; :population 475503 .
:Budapest :country :Hungary ; :population 1706851 .
:Belgrade :country :Serbia ; :population 1197714 .
:Dresden :country :Germany ; :population 563311 .
:Hamburg :country :Germany ; :population 1853935 .
:Prague :country :Czechia ; :population 1357326 .
:Ljubljana :country :Slovenia ; :population 286491 .
:Zagreb :country :Croatia ; :population 767131 .
:Austria :capital :Vienna ; :borders :Germany, :Hungary, :Slovenia, :Slovakia, :Czechia .
:Germany :borders :France, :Netherlands, :Switzerland, :Czechia .
:Hungary :capital :Budapest ; :borders :Slovakia, :Serbia, :Croatia .
:Slovakia :capital :Bratislava ; :borders :Czechia .
:Slovenia :capital :Ljubljana ; :borders :Croatia .
:Croatia :capital :Zagreb ; :borders :Serbia .
:Serbia :capital :Belgrade .
:Czechia :capital :Prague .
"""
GERMAN = """
@prefix : <http://geo.example/de/> .
:Rhein :durchfließt :Basel, :Straßburg, :Köln, :Rotterdam ; :längeInKm 1232 ; :mündetIn :Nordsee .
:Donau :durchfließt :Ulm, :Wien, :Pressburg, :Budapest, :Belgrad ; :längeInKm 2857 ;
    :mündetIn :SchwarzesMeer .
:Elbe :durchfließt :Dresden, :Hamburg ; :längeInKm 1094 ; :mündetIn :Nordsee .
:Moldau :durchfließt :Prag ; :längeInKm 430 ; :mündetIn :Elbe .
:Save :durchfließt :Laibach, :Agram ; :längeInKm 945 ; :mündetIn :Donau .
:Basel :liegtIn :Schweiz ; :einwohner 178120 .
:Straßburg :liegtIn :Frankreich ; :einwohner 291313 .
:Köln :liegtIn :Deutschland ; :einwohner 1087353 .
:Rotterdam :liegtIn :Niederlande ; :einwohner 655468 .
:Ulm :liegtIn :Deutschland ; :einwohner 128928 .
:Wien :liegtIn :Österreich ; :einwohner 1982097 .
:Pressburg :liegtIn :Slowakei ; :einwohner 475503 .
:Budapest :liegtIn :Ungarn ; :einwohner 1706851 .
:Belgrad :liegtIn :Serbien ; :einwohner 1197714 .
:Dresden :liegtIn :Deutschland ; :einwohner 566222 .
:Hamburg :liegtIn :Deutschland ; :einwohner 1910160 .
:Prag :liegtIn :Tschechien ; :einwohner 1384732 .
:Laibach :liegtIn :Slowenien ; :einwohner 286491 .
:Agram :liegtIn :Kroatien ; :einwohner 767131 .
:Deutschland :grenztAn :Frankreich, :Niederlande, :Schweiz, :Österreich, :Tschechien .
:Österreich :hauptstadt :Wien ; :grenztAn :Ungarn, :Slowenien, :Slowakei, :Tschechien .
:Ungarn :hauptstadt :Budapest ; :grenztAn :Slowakei, :Serbien, :Kroatien, :Slowenien .
:Slowakei :hauptstadt :Pressburg .
:Slowenien :hauptstadt :Laibach ; :grenztAn :Kroatien .
:Kroatien :hauptstadt :Agram ; :grenztAn :Serbien .
:Serbien :hauptstadt :Belgrad .
:Tschechien :hauptstadt :Prag .
"""
folder = tempfile.TemporaryDirectory()
files = [Path(folder.name, "en.ttl"), Path(folder.name, "de.ttl")]
for file, turtle in zip(files, (ENGLISH, GERMAN), strict=True):
    file.write_text(turtle, encoding="utf8")
english, german = map(read_rdf, files)
print(english, german, sep="\n")

# %%
# A handful of known pairs
# ------------------------
# Seven that anybody knows. Entities are called by their IRIs.

KNOWN = {
    "Rhine": "Rhein",
    "Germany": "Deutschland",
    "Croatia": "Kroatien",
    "Vienna": "Wien",
    "Prague": "Prag",
    "Budapest": "Budapest",
    "Zagreb": "Agram",
}
seeds = [(f"http://geo.example/en/{e}", f"http://geo.example/de/{d}") for e, d in KNOWN.items()]

# %%
# By what is related to what
# --------------------------
# Names of relations and attributes differ, and nobody has said which are the same. Values are left
# out at first. ``"assignment"`` gives each entity its partner, sure or not. Vectors are shorter
# than by default, as the graphs are small.

X = SeedPairs(english, german, seeds)
aligner = IBMEAAligner(
    propagation=LabelPropagation(256), training=Training(max_epochs=20), random_state=0, verbose=0
)
structure = clone(aligner).fit(ModalityFeaturizer(value="drop").fit_transform(X))


def short(ids: Iterable[str]) -> list[str]:
    return [entity.rpartition("/")[2] for entity in ids]


def show(alignment: pd.DataFrame) -> None:
    names = {side: short(alignment[side]) for side in ("source", "target")}
    print(alignment.assign(**names).to_string(index=False, float_format="%.2f"))


show(structure.align("assignment"))

# %%
# A confidence of a half is an answer, too. Dresden and Hamburg are both German towns on the Elbe:
# as far as these files go, nothing that is related to them tells one from the other. Nor is there
# anything to tell Basel, Strasbourg and Rotterdam apart, each with a country of its own.

# %%
# And by what they measure
# ------------------------
# Populations and lengths would tell. ``AttributeValues`` learns from the known pairs which
# attributes mean the same, and how near their numbers must be. By default it wants five pairs that
# have both, and clearer evidence than four towns can give, so both thresholds are lowered.

values = AttributeValues(min_support=4, min_gain=0.5)
both = clone(aligner).fit(ModalityFeaturizer(value=values).fit_transform(X))
alignment = both.align("assignment")
show(alignment)

# %%
# The same in a picture: how alike two entities are, the darker the more. Rows and columns are in
# the order of the last alignment, so its pairs lie on the diagonal.

rows = english.entity_index(alignment["source"])
columns = german.entity_index(alignment["target"])
figure, axes = plt.subplots(1, 2, figsize=(11, 5.5), sharey=True, layout="constrained")
for ax, fitted, title in zip(axes, (structure, both), ("relations", "and values"), strict=True):
    left, right = fitted.embeddings_["fused"]
    ax.imshow(left[rows] @ right[columns].T, cmap="Blues", vmin=0, vmax=1)
    ax.set_xticks(range(len(columns)), labels=short(alignment["target"]), rotation=90)
    ax.set_title(title)
axes[0].set_yticks(range(len(rows)), labels=short(alignment["source"]))
figure.savefig("own_rdf_graphs.png", dpi=150)

# %%
# For other tools
# ---------------
# SSSOM is a table with metadata, made for mappings; N-Triples with ``owl:sameAs`` go into any
# triple store. Both are read back by ``read_alignment``.

sssom, same_as = Path(folder.name, "alignment.sssom.tsv"), Path(folder.name, "alignment.nt")
metadata = {
    "mapping_set_id": "http://geo.example/alignment",
    "license": "https://creativecommons.org/publicdomain/zero/1.0/",
    "curie_map": {"en": "http://geo.example/en/", "de": "http://geo.example/de/"},
}
write_alignment(alignment, sssom, metadata=metadata)
write_alignment(alignment, same_as)
for file in (sssom, same_as):
    print(file.name, *file.read_text(encoding="utf8").splitlines()[:15], "...", sep="\n")
show(read_alignment(sssom).head(3))
folder.cleanup()
