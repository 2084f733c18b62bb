"""Embeddings as tables, and reasons for a pair."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from ibmea_sklearn import ModalityFeaturizer, PropagationAligner, SeedPairs
from ibmea_sklearn.inspection import explain_pair
from ibmea_sklearn.io import embeddings_from_frame


def new():
    return PropagationAligner(
        n_components=32, label_width=16, n_rounds=1, random_state=0, verbose=0
    )


@pytest.fixture(scope="module")
def aligner(toy_pair):
    return new().fit(toy_pair.kg1, toy_pair.kg2, toy_pair.links[:40])


def view_of(pair, pairs):
    return SeedPairs(pair.kg1, pair.kg2, pairs)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("modality", ["fused", "frozen_propagation"])
def test_rows_are_entities(aligner, toy_pair, side, modality):
    column = ["left", "right"].index(side)
    kg = (toy_pair.kg1, toy_pair.kg2)[column]
    vectors = aligner.embeddings_[modality][column]
    everything = aligner.transform(side=side, modality=modality)
    assert everything.index.tolist() == kg.entity_ids.tolist()
    np.testing.assert_array_equal(everything.to_numpy(), vectors)
    some = aligner.transform(toy_pair.links[40:, column], side=side, modality=modality)
    assert some.index.tolist() == toy_pair.links[40:, column].tolist()
    pd.testing.assert_frame_equal(some, everything.loc[some.index])
    view = view_of(toy_pair, toy_pair.links[40:])
    pd.testing.assert_frame_equal(aligner.transform(view, side=side, modality=modality), some)


def test_names_of_the_columns(aligner):
    names = aligner.get_feature_names_out()
    assert aligner.transform().columns.tolist() == names.tolist()
    assert names[:2].tolist() == ["fused0", "fused1"]
    assert aligner.transform(modality="frozen_propagation").columns[0] == "frozen_propagation0"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("pandas", pd.DataFrame),
        ("polars", pl.DataFrame),
        ("arrow", pa.Table),
        ("default", pd.DataFrame),
    ],
)
def test_set_output_chooses_the_container(aligner, toy_pair, name, kind):
    again = clone(new().set_output(transform=name)).fit(view_of(toy_pair, toy_pair.links[:40]))
    table = again.set_output().transform()
    assert isinstance(table, kind)
    # The table of any kind is features of the graph again.
    values, mask = embeddings_from_frame(table, toy_pair.kg1)
    np.testing.assert_array_equal(values, aligner.embeddings_["fused"].left)
    assert mask.all()


def test_the_choice_of_all_scikit_learn_holds(aligner):
    with sklearn.config_context(transform_output="polars"):
        assert isinstance(aligner.transform(), pl.DataFrame)
    assert isinstance(aligner.transform(), pd.DataFrame)


def test_in_a_pipeline(aligner, toy_pair):
    view = view_of(toy_pair, toy_pair.links[:40])
    pipeline = make_pipeline(ModalityFeaturizer(image="drop", value="drop"), new())
    table = pipeline.fit_transform(view)
    pd.testing.assert_frame_equal(table, aligner.transform(view))
    pd.testing.assert_frame_equal(pipeline.transform(view), table)
    assert pipeline.get_feature_names_out().tolist() == table.columns.tolist()
    assert isinstance(pipeline.set_output(transform="polars").transform(view), pl.DataFrame)


def test_other_steps_may_follow(toy_pair):
    view = view_of(toy_pair, toy_pair.links[:40])
    clusters = make_pipeline(new(), KMeans(3, n_init=1, random_state=0)).fit_predict(view)
    assert set(clusters) == {0, 1, 2} and len(clusters) == 40


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([["a0", "b0"]],), {}, r"in one dimension; found 2 dimensions.*pairs\[:, 1\] with side"),
        ((["zz"],), {}, "unknown: 'zz'"),
        (
            (),
            {"side": "lft"},
            "side to be one of 'left', 'right'; found 'lft'. Did you mean 'left'",
        ),
        ((), {"modality": "fusd"}, "Did you mean 'fused'"),
    ],
)
def test_wrong_input(aligner, arguments, options, message):
    with pytest.raises(ValueError, match=message):
        aligner.transform(*arguments, **options)


def test_wrong_container():
    with pytest.raises(ValueError, match="transform to be one of .*; found 'polar'. Did you mean"):
        new().set_output(transform="polar")


def test_not_fitted():
    for call in (
        new().transform,
        new().get_feature_names_out,
        lambda: new().explain("a0", "b0"),
    ):
        with pytest.raises(NotFittedError):
            call()


def test_explain(aligner, toy_pair):
    pair, found = toy_pair.links[50], aligner.align()
    explanation = aligner.explain(*pair, alignment=found)
    assert repr(explanation) == repr(explain_pair(aligner, *pair, found))
    assert (explanation.source, explanation.target) == tuple(pair)
