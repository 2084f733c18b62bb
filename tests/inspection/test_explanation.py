"""Why a pair: channels, neighbours, attributes."""

import datetime

import numpy as np
import pandas as pd
import pytest

from ibmea_sklearn import KnowledgeGraph, PropagationAligner
from ibmea_sklearn.matching import ranks

pytestmark = pytest.mark.filterwarnings(
    "ignore:Confidences are not calibrated", "ignore:Of the two graphs only kg1 has names"
)

KG1 = KnowledgeGraph(
    [
        ("Paris", "capital of", "France"),
        ("Paris", "located in", "France"),
        ("Seine", "flows through", "Paris"),
        ("Paris", "located in", "Europe"),
        ("Paris", "twin of", "Paris"),
        *[(city, "located in", "France") for city in ("Lyon", "Nice", "Lille")],
        ("Berlin", "located in", "Europe"),
    ],
    {
        "Paris": {
            "http://one.org/population": 2102650,
            "http://one.org/founded": "-0250",
            "motto": "Fluctuat nec mergitur",
            "mayors": 20,
            "liberated": datetime.date(1944, 8, 25),
        },
        "Lyon": {"motto": "Avant"},
    },
    texts={"Paris": "City of <light>"},
)
KG2 = KnowledgeGraph(
    [
        ("paris", "Hauptstadt von", "frankreich"),
        ("seine", "fließt durch", "paris"),
        ("paris", "liegt in", "europa"),
        ("berlin", "liegt in", "europa"),
        ("lyon", "liegt in", "frankreich"),
    ],
    {
        "paris": {
            "http://zwei.de/Population": "2.102.650,0",
            "Wahlspruch": "FLUCTUAT nec mergitur",
            "Bezirke": 20,
            "befreit": "1944-08",
            "motto": "none",
        }
    },
)
SEEDS = [("France", "frankreich"), ("Lyon", "lyon")]


@pytest.fixture(scope="module")
def small():
    aligner = PropagationAligner.from_preset(
        propagation__n_components=64,
        propagation__label_width=16,
        rounds__n_rounds=1,
        random_state=0,
        verbose=0,
    )
    return aligner.fit(KG1, KG2, SEEDS)


# Channels


def test_contributions_add_up_to_the_similarity(trained, noisy_pair):
    for source, target in noisy_pair.links[40:60]:
        explanation = trained.explain(source, target)
        table = explanation.channels.set_index("channel")
        assert list(table.index)[0] == "fused" and set(table.index) == set(trained.embeddings_)
        left, right = trained.embeddings_["fused"]
        one = left[trained.kg1_.entity_index([source])[0]].astype(float)
        two = right[trained.kg2_.entity_index([target])[0]].astype(float)
        cosine = one @ two / np.linalg.norm(one) / np.linalg.norm(two)
        assert explanation.similarity == pytest.approx(cosine, abs=1e-5)
        assert table["contribution"].sum() == pytest.approx(cosine, abs=1e-5)
        assert table["weight"].sum() == pytest.approx(1)


def test_a_modality_that_is_absent(trained, noisy_pair):
    has_image = noisy_pair.kg1.features["image"].mask
    source, target = next(
        pair for pair in noisy_pair.links if not has_image[noisy_pair.kg1.entity_index(pair[:1])]
    )
    table = trained.explain(source, target).channels.set_index("channel")
    assert np.isnan(table["similarity"]["image"]) and table["rank"]["image"] is pd.NA
    assert table["contribution"]["image"] == 0


def test_the_rank_is_that_among_all_that_are_no_seeds(trained, noisy_pair):
    left, right = trained.embeddings_["graph"]
    pool = np.setdiff1d(np.arange(len(right)), trained.seed_indices_[:, 1])
    rows = trained.kg1_.entity_index(noisy_pair.links[40:50, 0])
    true = np.searchsorted(pool, trained.kg2_.entity_index(noisy_pair.links[40:50, 1]))
    expected = ranks(left[rows], right[pool], true, method="cosine")
    assert expected.max() > 1
    for pair, rank in zip(noisy_pair.links[40:50], expected, strict=True):
        table = trained.explain(*pair).channels.set_index("channel")
        assert table.loc["graph", "rank"] == rank


# Neighbours


def test_neighbours_that_are_seeds(small):
    (row,) = small.explain("Paris", "paris").neighbors.itertuples(index=False)
    assert row == (
        "France",
        "frankreich",
        ("→ capital of", "→ located in"),
        ("→ Hauptstadt von",),
        "seed",
        1.0,
    )


def test_neighbours_that_an_alignment_knows(small):
    found = pd.DataFrame(
        {
            "source": ["Seine", "Europe", "France"],
            "target": ["seine", "europa", "seine"],
            "confidence": [0.5, 0.9, 0.8],
        }
    )
    table = small.explain("Paris", "paris", found).neighbors
    # What is a seed, no alignment says otherwise.
    assert table["source_neighbor"].tolist() == ["France", "Europe", "Seine"]
    assert table["known_by"].tolist() == ["seed", "alignment", "alignment"]
    assert table["confidence"].tolist() == [1, 0.9, 0.5]
    assert table["source_relations"].tolist()[1:] == [("→ located in",), ("← flows through",)]
    pairs = small.explain("Paris", "paris", [("Seine", "seine"), ("Berlin", "paris")])
    assert pairs.neighbors["source_neighbor"].tolist() == ["France", "Seine"]


def test_of_equally_sure_neighbours_hubs_come_last():
    seeds = [("France", "frankreich"), ("Europe", "europa")]
    aligner = PropagationAligner.from_preset(
        propagation__n_components=16, rounds__n_rounds=1, random_state=0, verbose=0
    )
    table = aligner.fit(KG1, KG2, seeds).explain("Paris", "paris").neighbors
    assert table["source_neighbor"].tolist() == ["Europe", "France"]


def test_what_an_aligner_finds_is_an_alignment(trained, noisy_pair):
    found = trained.align()
    known = dict(zip(found["source"], found["target"], strict=True))
    explanation = trained.explain(*noisy_pair.links[45], found)
    by_alignment = explanation.neighbors[explanation.neighbors["known_by"] == "alignment"]
    for row in by_alignment.itertuples():
        assert known[row.source_neighbor] == row.target_neighbor
    n_seeds = len(trained.explain(*noisy_pair.links[45]).neighbors)
    assert len(explanation.neighbors) == n_seeds + len(by_alignment)


# Attributes


def test_attributes_with_the_same_name_or_value(small):
    table = small.explain("Paris", "paris").attributes
    found = table[["source_attribute", "target_attribute", "same"]].values.tolist()
    assert found == [
        ["http://one.org/population", "http://zwei.de/Population", "name and value"],
        ["motto", "Wahlspruch", "value"],
        ["liberated", "befreit", "value"],
        ["motto", "motto", "name"],
    ]
    assert table["target_value"].tolist()[0] == "2.102.650,0"


@pytest.mark.parametrize(
    ("value", "other", "names", "same"),
    [
        (20, "20.0", ("a", "b"), ""),  # chance
        (20, "20.0", ("x/a", "y#A"), "name and value"),
        (1982, "1982", ("a", "b"), "value"),
        (1982, "1983", ("a", "b"), ""),
        (54.20867775, 54.21, ("latitude", "lat"), "value"),
        (None, None, ("a", "a"), "name"),
        ("", "", ("a", "b"), ""),
        ("Lyon", "LYON", ("a", "b"), "value"),
    ],
)
def test_what_counts_as_the_same(value, other, names, same):
    kg1, kg2 = (
        KnowledgeGraph([("e", "r", "f")], [("e", name, said)])
        for name, said in zip(names, (value, other), strict=True)
    )
    aligner = PropagationAligner.from_preset(
        propagation__n_components=4, rounds__n_rounds=1, random_state=0, verbose=0
    )
    aligner.fit(kg1, kg2, [("e", "e"), ("f", "f")])
    assert aligner.explain("e", "e").attributes["same"].tolist() == [same] * bool(same)


# As text and tables


def test_it_reads_as_text_and_html(small):
    explanation = small.explain("Paris", "paris")
    text = repr(explanation)
    assert text.startswith("Paris (City of <light>) = paris: similarity 0.")
    assert "propagation (untrained)" in text and "→ capital of, → located in" in text
    assert "Shared neighbours that are known: 1\n" in text and "Shared attributes: 4\n" in text
    page = explanation._repr_html_()
    assert page.count("<table") == 3 and "City of &lt;light&gt;" in page and "<light>" not in page


def test_nothing_is_shared(small):
    explanation = small.explain("Berlin", "seine")
    assert len(explanation.neighbors) == len(explanation.attributes) == 0
    assert repr(explanation).endswith("known: none\nShared attributes: none")
    assert explanation.to_frame()["kind"].unique().tolist() == ["channel"]
    assert explanation._repr_html_().count("<table") == 1


def test_long_tables_are_cut(small):
    many = {f"name {i}": f"value {i}" for i in range(12)}
    kg1 = KnowledgeGraph([("e", "r", "f")], {"e": many})
    explanation = small.fit(kg1, kg1, [("e", "e"), ("f", "f")]).explain("e", "e")
    text = repr(explanation)
    assert "Shared attributes: 12, the first 10 here" in text
    assert "name 9" in text and "name 10" not in text
    assert ", a seed" in text and explanation.is_seed
    small.fit(KG1, KG2, SEEDS)


def test_one_table_of_all(small):
    explanation = small.explain("Paris", "paris")
    table = explanation.to_frame()
    assert list(table.columns) == ["kind", "by", "source", "target", "score"]
    counts = table["kind"].value_counts().to_dict()
    assert counts == {"attribute": 4, "channel": len(small.embeddings_), "neighbor": 1}
    contributions = table.loc[table["kind"] == "channel", "score"]
    assert contributions.sum() == pytest.approx(explanation.similarity, abs=1e-5)
    (by,) = table.loc[table["kind"] == "neighbor", "by"]
    assert by == "→ capital of, → located in | → Hauptstadt von"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("Pariss", "paris"), "Expected the source .* 'Pariss'. Did you mean 'Paris'"),
        (("Paris", 5), "Expected the target to be ids .* unknown: 5"),
        (("Paris", "paris", [("Seine", "Seine")]), "entities of the alignment .*'Seine'"),
        (("Paris", "paris", ["Seine", "seine"]), r"shape \(n, 2\); found \(2,\)"),
    ],
)
def test_wrong_input(small, arguments, message):
    with pytest.raises(ValueError, match=message):
        small.explain(*arguments)


def test_names_go_before_texts():
    names = {"Paris": [("Parigi", "it"), ("Paris, France", "en")], "France": [("Francia", "it")]}
    kg1 = KG1.with_names(names)
    aligner = PropagationAligner.from_preset(
        propagation__n_components=64, rounds__n_rounds=1, random_state=0, verbose=0
    ).fit(kg1, KG2, SEEDS)
    explanation = aligner.explain("Paris", "paris")
    assert explanation.texts == ("Paris, France", "")
    assert repr(explanation).startswith("Paris (Paris, France) = paris: ")
    assert aligner.explain("France", "frankreich").texts == ("Francia", "")
