"""Filling in a modality from others, before an aligner."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from ibmea_sklearn import IBMEAAligner, KnowledgeGraph, SeedPairs, VAEImputer

N, WIDTH = 120, 6
QUICK = {"n_steps": 150, "learning_rate": 1e-2, "n_latent": 32, "device": "cpu"}


def graph(seed, share=0.5, as_sparse=False):
    """Images are a linear map of the attributes; entity 0 has neither."""
    random = np.random.default_rng(seed)
    attribute = random.normal(size=(N, 4))
    image = 1 + attribute @ np.random.default_rng(9).normal(size=(4, WIDTH))
    has_image, has_attribute = random.random(N) < share, np.ones(N, bool)
    has_image[0] = has_attribute[0] = False
    features = {}
    for name, values, mask in (
        ("image", image, has_image),
        ("attribute", attribute, has_attribute),
    ):
        kept = np.asarray(values * mask[:, None], np.float32)
        features[name] = (sparse.csr_array(kept) if as_sparse else kept, mask)
    kg = KnowledgeGraph(entities=[f"{seed}-{i}" for i in range(N)], features=features)
    return kg, image


def view(share=(0.5, 0.5), **options):
    (kg1, image1), (kg2, image2) = (graph(i, s, **options) for i, s in enumerate(share))
    pairs = np.stack([kg1.entity_ids, kg2.entity_ids], 1)[:20]
    return SeedPairs(kg1, kg2, pairs), (image1, image2)


def cosines(kg, before, image):
    """Centred, of what was filled in with what was there before it was lost."""
    new = kg.features["image"].mask & ~before.features["image"].mask
    values = kg.features["image"].values
    values = values.toarray() if sparse.issparse(values) else values
    made, true = (x[new] - image[1:].mean(0) for x in (values, image))
    return (made * true).sum(1) / np.linalg.norm(made, axis=1) / np.linalg.norm(true, axis=1)


@pytest.mark.parametrize("as_sparse", [False, True], ids=["dense", "sparse"])
def test_finds_what_the_other_modality_tells(as_sparse):
    X, images = view(as_sparse=as_sparse)
    new = VAEImputer(**QUICK).fit_transform(X)
    for kg, before, image in zip((new.kg1, new.kg2), (X.kg1, X.kg2), images, strict=True):
        assert sparse.issparse(kg.features["image"].values) == as_sparse
        assert np.median(cosines(kg, before, image)) > 0.8


def test_what_is_there_stays_and_who_has_nothing_stays_without():
    X, _ = view()
    new = VAEImputer(**{**QUICK, "n_steps": 2}).fit_transform(X).kg1.features["image"]
    old = X.kg1.features["image"]
    np.testing.assert_array_equal(new.values[old.mask], old.values[old.mask])
    assert new.mask.tolist() == [False] + [True] * (N - 1)
    assert not new.values[0].any()
    lengths = np.linalg.norm(new.values, axis=1)
    expected = np.sqrt((lengths[old.mask] ** 2).mean())  # here of one graph, there of both
    np.testing.assert_allclose(lengths[1:][~old.mask[1:]], expected, rtol=0.2)


def test_a_side_may_have_none_at_all():
    X, images = view(share=(0.9, 0.0))
    imputer = VAEImputer(**QUICK).fit(X)
    new = imputer.transform(X)
    assert new.kg2.features["image"].mask[1:].all()
    assert np.median(cosines(new.kg2, X.kg2, images[1])) > 0.8
    bare = X.with_graphs(X.kg1, X.kg2.with_features(image=None))
    again = imputer.transform(bare).kg2.features["image"].values
    np.testing.assert_array_equal(again, new.kg2.features["image"].values)


def test_depends_on_its_random_state_alone():
    X, _ = view()
    imputer = VAEImputer(**{**QUICK, "n_steps": 5})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        before = torch.get_rng_state()
        first = imputer.fit_transform(X)
        assert torch.equal(torch.get_rng_state(), before)
    values = first.kg1.features["image"].values
    again = clone(imputer).fit(X).transform(X).kg1.features["image"].values
    np.testing.assert_array_equal(again, values)
    # Arrays may lie otherwise in memory, where products round otherwise.
    unpickled = pickle.loads(pickle.dumps(imputer)).transform(X).kg1.features["image"].values
    np.testing.assert_allclose(unpickled, values, rtol=1e-5, atol=1e-5)
    changed = clone(imputer).set_params(random_state=1).fit_transform(X)
    assert (changed.kg1.features["image"].values != values).any()


def test_learns():
    losses = VAEImputer(**QUICK).fit(view()[0]).losses_
    assert len(losses) == 150 and losses[-1] < losses[0] / 4


def test_before_an_aligner():
    X, _ = view()
    aligner = IBMEAAligner.from_preset(
        training__max_epochs=2, rounds__n_rounds=1, random_state=0, device="cpu", verbose=0
    )
    pipeline = make_pipeline(VAEImputer(**{**QUICK, "n_steps": 5}), aligner).fit(X)
    assert np.count_nonzero(pipeline[-1].embeddings_["frozen_image"].left.any(axis=1)) == N - 1


def test_names_of_columns():
    imputer = VAEImputer(**{**QUICK, "n_steps": 1})
    with pytest.raises(NotFittedError):
        imputer.get_feature_names_out()
    assert imputer.fit(view()[0]).get_feature_names_out().tolist()[:2] == ["image0", "image1"]


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"modality": "imge"}, "Expected imge features in a graph; found none in either"),
        ({"sources": ["attributes"]}, "found ['attributes']. Did you mean 'attribute'? Name"),
        ({"sources": []}, "here ['attribute']; found none"),
        ({"sources": "attribute"}, "Expected sources to be 'all' or a list of names"),
        ({"n_latent": 0}, "Expected n_latent to be an integer of at least 1; found 0"),
        ({"divergence_weight": -1}, "Expected divergence_weight to be a number"),
        ({"device": "tpu"}, "tpu"),
        ({"random_state": "x"}, "Expected random_state"),
    ],
    ids=str,
)
def test_wrong_parameters(params, said):
    with pytest.raises(ValueError) as error:
        VAEImputer(**{**QUICK, **params}).fit(view()[0])
    assert said in str(error.value)


def test_nothing_to_learn_from():
    with pytest.raises(ValueError) as error:
        VAEImputer(**QUICK).fit(view(share=(0.0, 0.0))[0])
    assert "features of each of ['attribute']; found 0. Name fewer sources" in str(error.value)


def test_other_width_than_in_fit():
    X, _ = view()
    imputer = VAEImputer(**{**QUICK, "n_steps": 1}).fit(X)
    wider = X.kg1.with_features(image=np.ones((N, WIDTH + 1), np.float32))
    with pytest.raises(ValueError, match="image features of width 6, as in fit; found 7"):
        imputer.transform(X.with_graphs(wider, X.kg2))


def test_no_view():
    with pytest.raises(TypeError, match="VAEImputer.fit expects a view of two graphs; found list"):
        VAEImputer().fit([[1.0]])
