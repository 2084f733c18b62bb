"""Backbones of others, and images that are in no graph."""

from __future__ import annotations

import io
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.utils.estimator_checks import parametrize_with_checks

from ibmea_sklearn import KnowledgeGraph, SeedPairs
from ibmea_sklearn.featurizers import ImageEncoder
from ibmea_sklearn.featurizers.images.encode import images_of_rows

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra [images])")
IMAGES = np.random.default_rng(0).integers(0, 256, (5, 10, 12, 3), dtype=np.uint8)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("IBMEA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


class MeanColour:
    """A backbone that can be pickled; its name, which tests get, is the same in each process."""

    def __call__(self, batch):
        return batch.mean((2, 3))

    def __repr__(self):
        return "MeanColour()"


colours = MeanColour()


def encoder(backbone=colours, **options):
    return ImageEncoder(backbone, **{"image_size": 4, "mean": 0, "std": 1, "verbose": 0} | options)


def png(array):
    file = io.BytesIO()
    Image.fromarray(array).save(file, format="PNG")
    return file.getvalue()


# Images that are in no graph


class RowsOfPixels(ImageEncoder):
    """Takes each row of a table of numbers for an image of one line: scikit-learn knows no other.

    So all that its checks say of transformers is said of this one.
    """

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.three_d_array = False
        tags.input_tags.string = False
        tags.input_tags.allow_nan = False
        return tags

    def _read(self, X, reset):
        from sklearn.utils.validation import validate_data

        X = validate_data(self, X, reset=reset, dtype=np.float64)
        lines = (255 / (1 + np.exp(-X))).astype(np.uint8)
        return images_of_rows(lines[:, None, :])


@parametrize_with_checks(
    [RowsOfPixels(colours, image_size=4, mean=0, std=1, verbose=0, cache_dir=False)]
)
@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names")
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


@pytest.mark.parametrize(
    "X",
    [
        IMAGES,
        list(IMAGES),
        [png(image) for image in IMAGES],
        pd.Series([png(image) for image in IMAGES]),
        [Image.fromarray(image) for image in IMAGES],
        pd.DataFrame({"image": [png(image) for image in IMAGES]}),
        [[image] for image in IMAGES],
    ],
    ids=["array", "list", "bytes", "series", "pil", "table", "lists"],
)
def test_images_of_any_kind(X):
    expected = encoder().fit_transform(IMAGES)
    assert expected.shape == (5, 3) and expected.dtype == np.float32
    np.testing.assert_allclose(expected, unit(IMAGES.mean((1, 2))), atol=0.03)
    np.testing.assert_allclose(encoder().fit_transform(X), expected, atol=1e-6)


def test_several_images_in_a_row_and_none():
    table = pd.DataFrame({"front": [IMAGES[0], None], "back": [IMAGES[1], float("nan")]})
    rows = encoder().fit_transform(table)
    single = encoder().fit_transform(IMAGES[:2])
    np.testing.assert_allclose(rows[0], unit(single.sum(0)), atol=1e-6)
    assert not rows[1].any()
    with pytest.raises(ValueError, match="yet now missing:\n- back"):
        encoder().fit(table).transform(table[["front"]])


def test_both_forms_agree(tmp_path):
    kg = KnowledgeGraph(images={f"e{i}": image for i, image in enumerate(IMAGES)})
    fitted = encoder().fit(SeedPairs(kg, kg, []))
    features = fitted.transform(SeedPairs(kg, kg, [])).kg1.features["image"].values
    np.testing.assert_allclose(fitted.transform(IMAGES), features, atol=1e-6)
    new = fitted.set_output(transform="pandas").transform(IMAGES)
    assert new.columns.tolist() == ["image0", "image1", "image2"]


def test_unreadable_rows_are_named():
    fitted = encoder().fit(IMAGES)
    with pytest.warns(UserWarning, match="could not read 1 of 2 images: 'row 1' of the array"):
        rows = fitted.transform([IMAGES[0], "absent.png"])
    assert rows[0].any() and not rows[1].any()
    assert fitted.unreadable_[0][:3] == ("the array", "row 1", "absent.png")
    with pytest.raises(ValueError, match="found none: 1 of 1 images: 'row 0' of the array"):
        fitted.transform(["absent.png"])


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.ones((3, 4)), r"array of numbers of shape \(3, 4\). Reshape your data"),
        (np.ones(3), "Reshape your data"),
        ([], "0 sample"),
        ([None, None], "found no image in 2 rows"),
    ],
    ids=["table", "vector", "nothing", "missing"],
)
def test_no_images(X, message):
    with pytest.raises(ValueError, match=message):
        encoder().fit(X)


def test_no_graph():
    with pytest.raises(TypeError, match="found one KnowledgeGraph. Pass X = SeedPairs"):
        encoder().fit(KnowledgeGraph(entities=["a"]))


# Backbones of others


@pytest.mark.parametrize(
    ("backbone", "message"),
    [
        ("transformer:vit", "found 'transformer:vit'. Did you mean 'transformers:...'"),
        ("onnx:", "Did you mean 'onnx:...'"),
        ("resnet50", "'transformers:NAME', 'timm:NAME', 'onnx:PATH', a torch module or a callable"),
    ],
)
def test_names_of_no_backbone(backbone, message):
    with pytest.raises(ValueError, match=message):
        encoder(backbone).fit(IMAGES)


def is_there(module):
    try:
        __import__(module)
    except ImportError:
        return False
    return True


@pytest.mark.parametrize(
    ("module", "backbone", "message"),
    [
        ("transformers", "transformers:x/y", r"pip install 'ibmea_sklearn\[transformers\]'"),
        ("onnxruntime", "onnx:net.onnx", r"pip install 'ibmea_sklearn\[onnx\]'"),
        ("timm", "timm:resnet18", "needs timm, which needs torchvision; found: No module named"),
    ],
)
def test_the_extra_is_named_where_it_is_absent(module, backbone, message):
    if is_there(module):
        pytest.skip(f"{module} is installed")
    with pytest.raises(ImportError, match=message):
        encoder(backbone).fit(IMAGES)


def onnx_file(path, shape):
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    helper, float32 = onnx.helper, onnx.TensorProto.FLOAT
    weights = np.random.default_rng(0).normal(size=(6, 3, 2, 2)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"])],
        "one layer",
        [helper.make_tensor_value_info("x", float32, shape)],
        [helper.make_tensor_value_info("y", float32, None)],
        [onnx.numpy_helper.from_array(weights, "w")],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), path)
    return f"onnx:{path}", torch.from_numpy(weights)


class TestOnnx:
    @pytest.fixture(autouse=True)
    def packages(self):
        for name in ("onnx", "onnxruntime"):
            pytest.importorskip(name, reason=f"{name} is not installed (extra [onnx])")

    @pytest.mark.parametrize("shape", [[None, 3, 8, 8], ["n", 3, 8, 8], [2, 3, 8, 8]], ids=str)
    def test_is_the_network_in_the_file(self, tmp_path, shape):
        backbone, weights = onnx_file(tmp_path / "net.onnx", shape)
        options = {"mean": 0.25, "std": 0.5, "image_size": None}
        by_file = encoder(backbone, **options).fit(IMAGES)

        def by_torch(batch):
            return torch.nn.functional.conv2d(batch, weights).mean((2, 3))

        expected = encoder(by_torch, **options | {"image_size": 8}).fit_transform(IMAGES)
        assert by_file.n_features_out_ == 6
        np.testing.assert_allclose(by_file.transform(IMAGES), expected, atol=1e-5)
        again = pickle.loads(pickle.dumps(by_file))
        np.testing.assert_allclose(again.transform(IMAGES), expected, atol=1e-5)

    def test_a_file_may_change_so_nothing_is_kept(self, tmp_path, home):
        backbone, _ = onnx_file(tmp_path / "net.onnx", [None, 3, None, None])
        encoder(backbone).fit_transform(IMAGES)
        assert not home.exists()
        encoder(backbone, cache_name="mine").fit_transform(IMAGES)
        assert len(list(home.rglob("*.safetensors"))) == 1

    def test_usual_pixels(self, tmp_path):
        backbone, _ = onnx_file(tmp_path / "net.onnx", [None, 3, None, None])
        fitted = encoder(backbone, image_size=None, mean=None, std=None).fit(IMAGES)
        assert fitted._pixels == (224, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])

    def test_faults(self, tmp_path):
        (tmp_path / "bad.onnx").write_bytes(b"nothing")
        for name in ("bad.onnx", "absent.onnx"):
            with pytest.raises(ValueError, match="the path of an ONNX file, after 'onnx:'; it can"):
                encoder(f"onnx:{tmp_path / name}").fit(IMAGES)
        backbone, _ = onnx_file(tmp_path / "net.onnx", [None, 3, 8, 8])
        with pytest.raises(ValueError, match="Expected image_size=8, .* or None; found 4"):
            encoder(backbone).fit(IMAGES)
        backbone, _ = onnx_file(tmp_path / "four.onnx", [None, 4, 8, 8])
        with pytest.raises(
            ValueError, match=r"one input of shape \(n, 3, height, width\); found x"
        ):
            encoder(backbone).fit(IMAGES)


class TestHuggingFace:
    @pytest.fixture(autouse=True)
    def package(self, monkeypatch):
        self.package = pytest.importorskip(
            "transformers", reason="transformers is not installed (extra [transformers])"
        )
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield

    def saved(self, folder, model, **size):
        model.save_pretrained(folder)
        processor = self.package.ViTImageProcessor(
            image_mean=[0.25] * 3, image_std=[0.5] * 3, **size
        )
        processor.save_pretrained(folder)
        return f"transformers:{folder}"

    def vit(self):
        config = self.package.ViTConfig(
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=8,
            image_size=32,
            patch_size=16,
        )
        return self.package.ViTModel(config).eval()

    def test_is_the_model_in_the_folder(self, tmp_path, home):
        model = self.vit()
        backbone = self.saved(tmp_path / "vit", model, size={"height": 32, "width": 32})
        fitted = encoder(backbone, image_size=None, mean=None, std=None).fit(IMAGES)
        assert fitted._pixels == (32, [0.25] * 3, [0.5] * 3) and fitted.n_features_out_ == 16

        def by_hand(batch):
            return model(pixel_values=batch).last_hidden_state.mean(1)

        expected = encoder(by_hand, image_size=32, mean=0.25, std=0.5).fit_transform(IMAGES)
        np.testing.assert_allclose(fitted.transform(IMAGES), expected, atol=1e-5)
        assert not home.exists(), "a folder may change, so nothing is kept"
        kg = KnowledgeGraph(images={f"e{i}": image for i, image in enumerate(IMAGES)})
        features = fitted.transform(SeedPairs(kg, kg, [])).kg2.features["image"]
        np.testing.assert_allclose(features.values, expected, atol=1e-5)

    def test_feature_maps_are_averaged(self, tmp_path):
        config = self.package.ResNetConfig(
            embedding_size=4, hidden_sizes=[4, 6], depths=[1, 1], layer_type="basic"
        )
        model = self.package.ResNetModel(config).eval()
        backbone = self.saved(tmp_path / "resnet", model, size={"shortest_edge": 40})
        fitted = encoder(backbone, image_size=None, mean=0.25, std=0.5).fit(IMAGES)
        assert fitted._pixels[0] == 40 and fitted.n_features_out_ == 6

    def test_what_clip_compares_with_texts(self, tmp_path):
        tiny = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1}
        config = self.package.CLIPConfig(
            text_config={**tiny, "num_attention_heads": 2, "vocab_size": 9},
            vision_config={**tiny, "num_attention_heads": 2, "image_size": 8, "patch_size": 4},
            projection_dim=5,
        )
        backbone = self.saved(tmp_path / "clip", self.package.CLIPModel(config), crop_size=8)
        assert encoder(backbone, image_size=8).fit(IMAGES).n_features_out_ == 5

    def test_faults(self, tmp_path):
        for name in (tmp_path / "absent", tmp_path):
            with pytest.raises(ValueError, match="name or folder of a vision model, after 'transf"):
                encoder(f"transformers:{name}").fit(IMAGES)
