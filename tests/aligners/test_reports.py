"""Embeddings as tables, and reasons for a pair."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.exceptions import NotFittedError

from ibmea_sklearn import PropagationAligner, SeedPairs
from ibmea_sklearn.io import embeddings_from_frame


def new():
    return PropagationAligner.from_preset(
        modalities=["graph"],
        propagation__n_components=32,
        propagation__label_width=16,
        rounds__n_rounds=1,
        random_state=0,
        verbose=0,
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
    everything = aligner.embeddings_frame(side=side, modality=modality)
    assert everything.index.tolist() == kg.entity_ids.tolist()
    np.testing.assert_array_equal(everything.to_numpy(), vectors)
    some = aligner.embeddings_frame(toy_pair.links[40:, column], side=side, modality=modality)
    assert some.index.tolist() == toy_pair.links[40:, column].tolist()
    pd.testing.assert_frame_equal(some, everything.loc[some.index])
    view = view_of(toy_pair, toy_pair.links[40:])
    pd.testing.assert_frame_equal(
        aligner.embeddings_frame(view, side=side, modality=modality), some
    )


def test_names_of_the_columns(aligner):
    assert aligner.embeddings_frame().columns.tolist() == [f"fused{i}" for i in range(32)]
    table = aligner.embeddings_frame(modality="frozen_propagation")
    assert table.columns[0] == "frozen_propagation0"


@pytest.mark.parametrize(
    ("name", "kind"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame), ("arrow", pa.Table)]
)
def test_a_table_of_any_kind_is_features_of_the_graph_again(aligner, toy_pair, name, kind):
    table = aligner.embeddings_frame(container=name)
    assert isinstance(table, kind)
    values, mask = embeddings_from_frame(table, toy_pair.kg1)
    np.testing.assert_array_equal(values, aligner.embeddings_["fused"].left)
    assert mask.all()


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (
            ([["a0", "b0"]],),
            {},
            r"found 2 dimensions.*pairs\[:, 1\] for the second",
        ),
        ((["zz"],), {}, "unknown: 'zz'"),
        (
            (),
            {"side": "lft"},
            "side to be one of 'left', 'right'; found 'lft'. Did you mean 'left'",
        ),
        ((), {"modality": "fusd"}, "Did you mean 'fused'"),
        ((), {"container": "polar"}, "container to be one of .*; found 'polar'"),
    ],
)
def test_wrong_input(aligner, arguments, options, message):
    with pytest.raises(ValueError, match=message):
        aligner.embeddings_frame(*arguments, **options)


def test_not_fitted():
    for call in (new().embeddings_frame, lambda: new().explain("a0", "b0")):
        with pytest.raises(NotFittedError):
            call()


def test_explain(aligner, toy_pair):
    pair, found = toy_pair.links[50], aligner.align()
    explanation = aligner.explain(*pair, alignment=found)
    assert (explanation.source, explanation.target) == tuple(pair)
