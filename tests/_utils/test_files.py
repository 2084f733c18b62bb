"""Files and folders that appear whole: kills, permissions, threads."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from ibmea_sklearn._utils import files
from ibmea_sklearn._utils.files import atomic_write, removals_wait, remove_file


@pytest.fixture(autouse=True)
def first_write(monkeypatch):
    """As in a process that has written nothing yet, and seconds later."""
    monkeypatch.setattr(files, "_cleaned", set())
    monkeypatch.setattr(files, "_YOUNG", 0)


def test_the_mask_of_the_process_is_never_touched(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "umask", lambda mask: pytest.fail("other threads would feel it"))
    with atomic_write(tmp_path / "x") as file:
        file.write("x")


def test_files_of_other_threads_keep_their_permissions(tmp_path):
    old = os.umask(0o077)
    try:
        writer = threading.Thread(target=lambda: [_write(tmp_path / "x") for _ in range(300)])
        writer.start()
        for i in range(3000):
            os.close(os.open(tmp_path / str(i), os.O_CREAT | os.O_WRONLY, 0o666))
        writer.join()
    finally:
        os.umask(old)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def _write(path):
    with atomic_write(path) as file:
        file.write("x")


WRITER = """
import sys, time
from pathlib import Path
from ibmea_sklearn._utils.files import atomic_write, whole_folder
folder = Path(sys.argv[1])
with atomic_write(folder / "a") as a, whole_folder(folder, lambda new: []) as beside:
    (beside / "b").write_text("b")
    print("now", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def writer(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "now\n"
    yield process
    process.kill()
    process.communicate()


def test_what_a_killed_writer_left_goes_with_the_next_write(tmp_path, writer):
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    assert len(list(tmp_path.iterdir())) == 2
    _write(tmp_path / "x")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_what_a_writer_is_at_stays(tmp_path, writer):
    _write(tmp_path / "x")
    assert len(list(tmp_path.iterdir())) == 3


def test_a_full_disk_is_told_with_the_path(tmp_path):
    with pytest.raises(OSError, match="No space left on device: .*x.csv"):  # noqa: SIM117
        with atomic_write(tmp_path / "x.csv"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("fails", [False, True])
def test_removals_wait_for_the_end(tmp_path, fails):
    path = tmp_path / "state"
    path.touch()
    try:
        with removals_wait():
            remove_file(path)
            assert path.exists()
            if fails:
                raise OSError
    except OSError:
        pass
    assert path.exists() == fails
    remove_file(path)
    assert not path.exists()


def test_young_files_are_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_YOUNG", 5)
    path = tmp_path / ".x.0123456789ab.part"
    path.touch()
    _write(tmp_path / "x")
    assert path.exists()
    os.utime(path, (time.time() - 60,) * 2)
    files._cleaned.clear()
    _write(tmp_path / "x")
    assert not path.exists()
