"""Features in a file stay there: the result is that of the same features in memory."""

import numpy as np
import pytest

from ibmea_sklearn import IBMEAAligner, TMEAAligner
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.nn import features as rows
from ibmea_sklearn.nn.features import FeatureTable, MappedTable

CHEAP = {
    "modalities": ["graph", "image"],
    "features__n_components": 6,
    "training__max_epochs": 2,
    "rounds__n_rounds": 1,
    "features__frozen": (),
    "propagation": "drop",
    "verbose": 0,
}


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    """Graphs with images in memory, the same with images in files, and links."""
    folder = tmp_path_factory.mktemp("files")
    kg1, kg2, links = make_mmkg_pair(80, missing_modalities={"image": 0.3}, random_state=0)

    def with_images(kg, mapped):
        values, mask = kg.features["image"]
        path = folder / f"{kg.name}.npy"
        np.save(path, values.astype(np.float16))
        return kg.with_features(image=(np.load(path, mmap_mode="r" if mapped else None), mask))

    return *([with_images(kg, mapped) for kg in (kg1, kg2)] for mapped in (False, True)), links


@pytest.mark.parametrize("Aligner", [IBMEAAligner, TMEAAligner])
def test_files_give_what_memory_gives(graphs, Aligner, monkeypatch):
    in_memory, in_files, links = graphs
    monkeypatch.setattr(rows, "_BLOCK_NUMBERS", 200)  # several blocks in each call

    def fit(kgs):
        return Aligner().set_params(**CHEAP, random_state=0).fit(*kgs, links[:40])

    whole, mapped = fit(in_memory), fit(in_files)
    assert isinstance(whole.network_.tables["image"], FeatureTable)
    assert isinstance(mapped.network_.tables["image"], MappedTable)
    for name, sides in whole.embeddings_.items():
        np.testing.assert_array_equal(sides.left, mapped.embeddings_[name].left)
        np.testing.assert_array_equal(sides.right, mapped.embeddings_[name].right)


def test_an_aligner_of_files_is_saved_with_what_it_needs(graphs, tmp_path):
    _, in_files, links = graphs
    aligner = IBMEAAligner().set_params(**CHEAP, random_state=0).fit(*in_files, links[:40])
    aligner.save(tmp_path / "aligner")
    again = IBMEAAligner.load(tmp_path / "aligner")
    np.testing.assert_array_equal(again.predict(links[40:, 0]), aligner.predict(links[40:, 0]))


def test_integers_in_a_file_are_read_as_numbers(graphs, tmp_path):
    in_memory, _, links = graphs
    # Small ones: of hundreds, 3 of 40 starts run out of finite numbers, and the fit says so.
    numbers = np.random.default_rng(0).integers(0, 7, (in_memory[0].n_entities, 3))
    np.save(tmp_path / "whole.npy", numbers)
    whole = np.load(tmp_path / "whole.npy", mmap_mode="r")
    kgs = [kg.with_features(image=whole[: kg.n_entities]) for kg in in_memory]
    aligner = IBMEAAligner().set_params(**CHEAP, random_state=0).set_params(modalities=["image"])
    aligner.fit(*kgs, links[:40])
    assert isinstance(aligner.network_.tables["image"], FeatureTable)
