"""Real data and golden values for all tests."""

import functools
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import hypothesis
import numpy as np
import pytest
import threadpoolctl
import torch
from filelock import FileLock
from golden.draws import load as load_golden

from ibmea_sklearn.datasets._base import extract

DATA = Path(os.environ.get("IBMEA_DATA") or Path(__file__).parents[2] / "shared" / "data")
ARCHIVES = {
    "zh_en": "dbp15k_zh_en.tar.xz",
    "ja_en": "dbp15k_ja_en.tar.xz",
    "fr_en": "dbp15k_fr_en.tar.xz",
    "mmkg": "mmkg.tar.xz",
}

# Fixtures of whole data sets; "bunch" is that of a test of one.
REAL_GRAPHS = {"data_home", "real_pair", "bunch"}

# A run on a desk draws other examples than the last one did: fewer each time are more in the end.
hypothesis.settings.register_profile("dev", deadline=None, max_examples=40)
hypothesis.settings.register_profile(
    "ci", deadline=None, max_examples=40, derandomize=True, print_blob=True
)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_configure(config: pytest.Config) -> None:
    # A job in the background starts with Ctrl-C ignored; tests of an interrupt need it.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Tests choose an epoch by a handful of seeds. test_hints.py tests that a user is warned of it.
    config.addinivalue_line("filterwarnings", "ignore:The epoch is chosen by Hits@1 on")
    # Workers already share the cores; threads of torch and of others would only fight over them.
    if hasattr(config, "workerinput"):
        torch.set_num_threads(1)
        threadpoolctl.threadpool_limits(1)
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # for the processes that tests start


@pytest.hookimpl(tryfirst=True)  # before pytest leaves out what a run doesn't ask for
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run tests on real graphs apart: to read or to make one takes some seconds."""
    for item in items:
        if REAL_GRAPHS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def no_multilingual_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Defaults are those without the extra [multilingual], installed or not."""
    monkeypatch.setattr("ibmea_sklearn.featurizers.texts.scripts.is_installed", lambda name: False)


class DataHome:
    """Real data: ``data_home / "mmkg"`` is that folder, unpacked where it is not there yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __truediv__(self, name: str) -> Path:
        archive, folder = DATA / ARCHIVES[name], self.folder / name
        if (DATA / name).is_dir():
            return DATA / name
        if not archive.is_file():
            pytest.skip(f"real data absent: no {archive.name} in {DATA} (set IBMEA_DATA)")
        with FileLock(self.folder / "lock"):
            if not folder.is_dir():
                beside = self.folder / f"{name}.part"
                shutil.rmtree(beside, ignore_errors=True)
                extract(archive, beside)
                (beside / name).rename(folder)
                beside.rmdir()
        return folder


@pytest.fixture(scope="session")
def data_home(tmp_path_factory: pytest.TempPathFactory) -> DataHome:
    """Real data, to be read only: ``data_home / NAME`` for a name of ARCHIVES."""
    # Under xdist each worker's base folder lies in one that all workers share.
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "data_home"
    shared.mkdir(exist_ok=True)
    return DataHome(shared)


@pytest.fixture(scope="session")
def real_pair(data_home: DataHome) -> Callable[[str], tuple]:
    """Reader of real data, each once: ``real_pair("mmkg")`` is (kg1, kg2, links)."""
    from ibmea_sklearn.io import read_dbp15k, read_mmkg

    @functools.cache
    def read(name: str) -> tuple:
        return (read_mmkg if name == "mmkg" else read_dbp15k)(data_home / name)

    return read


@pytest.fixture(scope="session")
def golden() -> Callable[[str], dict[str, np.ndarray]]:
    """Loader of the golden values: ``golden("ibmea")`` is a mapping {name: array}."""
    return load_golden


@pytest.fixture(scope="session")
def toy_pair() -> SimpleNamespace:
    """Small synthetic pair with all modalities: ``.kg1``, ``.kg2``, ``.links`` (80, 2)."""
    from ibmea_sklearn.datasets import make_mmkg_pair

    kg1, kg2, links = make_mmkg_pair(
        n_entities=80,
        structural_overlap=0.8,
        attribute_noise=0.1,
        image_noise=0.5,
        missing_modalities={"image": 0.2},
        n_dangling=10,
        random_state=0,
    )
    return SimpleNamespace(kg1=kg1, kg2=kg2, links=links)
