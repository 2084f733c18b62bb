import functools
import http.server
import os
import shutil
import tarfile
import threading
from pathlib import Path

import pytest

from ibmea_sklearn.datasets import _base, _fetch, fetch_dbp15k, fetch_mmkg
from ibmea_sklearn.datasets._base import (
    download_folder,
    find_folder,
    resolve_data_home,
    unpack,
    writable_home,
)
from ibmea_sklearn.datasets._fetch import DBP15K

SMALL = {
    "ent_ids_1": "0\thttp://l/a\n1\thttp://l/b\n",
    "ent_ids_2": "2\thttp://r/a\n3\thttp://r/b\n",
    "triples_1": "0\t0\t1\n",
    "triples_2": "2\t0\t3\n",
    "ill_ent_ids": "0\t2\n1\t3\n",
    "training_attrs_1": "http://l/a\thttp://p/born\n",
    "training_attrs_2": "http://r/a\thttp://p/born\n",
}
NAMES = "translated_ent_name.json"
SMALL_NAMES = '[[0, ["first"]], [1, ["second", "one"]], [2, ["first"]], [3, ["other"]]]'
SMALL_MMKG = {
    "FB15K/FB15K_EntityTriples.txt": "/m/1 /in /m/2 .\n",
    "DB15K/DB15K_EntityTriples.txt": "<http://d/1> <http://d/in> <http://d/2> .\n",
    "DB15K/DB15K_SameAsLink.txt": "/m/1 <SameAs> <http://d/1> .\n",
}


def write(folder, files):
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def pack(archive, folder):
    with tarfile.open(archive, "w:xz") as tar:
        tar.add(folder, folder.name)


class Handler(http.server.SimpleHTTPRequestHandler):
    """A server of files that cuts some connections: `cuts` of them by path."""

    cuts: dict

    def do_GET(self):
        if not self.cuts.get(self.path):
            return super().do_GET()
        self.cuts[self.path] -= 1
        data = Path(self.translate_path(self.path)).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2])
        self.close_connection = True

    def log_message(self, *args):
        pass


class Server:
    def __init__(self, folder):
        self.folder, self.cuts = folder, {}
        handler = type("CuttingHandler", (Handler,), {"cuts": self.cuts})
        self.http = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(handler, directory=str(folder))
        )
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))
        self.thread.start()

    def stop(self):
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(_base, "RETRIES", 0)
    running = Server(write(tmp_path / "served", {f"zh_en/{k}": v for k, v in SMALL.items()}))
    write(running.folder, {"translated_ent_name/dbp_zh_en.json": SMALL_NAMES})
    monkeypatch.setattr(_fetch, "BASE_URLS", dict.fromkeys(_fetch.BASE_URLS, running.url))
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """The user's cache, empty, and no IBMEA_DATA."""
    monkeypatch.delenv("IBMEA_DATA", raising=False)
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def no_checksums(monkeypatch):
    monkeypatch.setitem(DBP15K, "zh_en", dict.fromkeys(DBP15K["zh_en"]))


def everything(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


# Downloads, from a server of this machine


def test_real_files_are_downloaded_and_match_their_checksums(server, data_home, tmp_path):
    shutil.rmtree(server.folder / "zh_en")
    shutil.copytree(data_home / "zh_en", server.folder / "zh_en")
    bunch = fetch_dbp15k("zh_en", data_home=tmp_path / "home", return_bunch=True)
    assert (bunch.kg1.n_entities, bunch.kg2.n_entities, len(bunch.links)) == (19388, 19572, 15000)
    assert_figures_of_the_docstring(bunch)
    assert everything(tmp_path / "home") == sorted(f"zh_en/{name}" for name in SMALL)


def test_second_call_needs_no_server(server, no_checksums, cache):
    fetch_dbp15k("zh_en")
    assert (cache / "zh_en" / "ent_ids_1").is_file()
    shutil.rmtree(server.folder / "zh_en")
    bunch = fetch_dbp15k("zh_en", return_bunch=True)
    assert bunch.statistics["links"] == 2
    assert bunch.DESCR.startswith("Load a pair of DBP15K")


@pytest.mark.parametrize("subset", ["zh_en", "ja_en", "fr_en"])
def test_real_names_match_their_checksums(server, data_home, tmp_path, monkeypatch, subset):
    shutil.copytree(data_home / subset, server.folder / subset, dirs_exist_ok=True)
    shutil.move(
        server.folder / subset / NAMES, server.folder / "translated_ent_name" / f"dbp_{subset}.json"
    )
    home = tmp_path / "home"
    bunch = fetch_dbp15k(subset, names=True, data_home=home, return_bunch=True)
    assert everything(home) == sorted(f"{subset}/{name}" for name in [*SMALL, NAMES])
    figures = "{:,} / {:,}".format(*(bunch.statistics[kg]["names"] for kg in ("kg1", "kg2")))
    assert figures in bunch.DESCR
    assert set(bunch.kg1.names.languages) == {"en"}


def test_names_are_downloaded_where_wanted_only(server, no_checksums, tmp_path):
    home = tmp_path / "home"
    kg1, _, _ = fetch_dbp15k("zh_en", data_home=home)
    assert len(kg1.names.values) == 0
    assert not (home / "zh_en" / NAMES).exists()
    # The rest is there: of it nothing is downloaded again, or changed.
    shutil.rmtree(server.folder / "zh_en")
    kg1, kg2, _ = fetch_dbp15k("zh_en", names=True, data_home=home)
    assert kg1.names.values.tolist() == ["first", "second one"]
    assert kg2.names.values.tolist() == ["first", "other"]
    assert everything(home) == sorted(f"zh_en/{name}" for name in [*SMALL, NAMES])
    # Now that they are there, they are still an option.
    assert len(fetch_dbp15k("zh_en", data_home=home)[0].names.values) == 0


def test_names_that_are_not_on_the_server(server, no_checksums, tmp_path):
    home = write(tmp_path / "home", {f"zh_en/{k}": v for k, v in SMALL.items()})
    shutil.rmtree(server.folder / "translated_ent_name")
    with pytest.raises(OSError, match=r"dbp_zh_en.json; the server answered 404.* 0 of 1 files"):
        fetch_dbp15k("zh_en", names=True, data_home=home)
    assert everything(home) == sorted(f"zh_en/{name}" for name in SMALL)


def test_names_to_a_folder_that_cannot_be_written_come_with_all_the_rest(
    server, no_checksums, tmp_path, cache, monkeypatch
):
    home = write(tmp_path / "home", {f"zh_en/{k}": v for k, v in SMALL.items()})
    monkeypatch.setattr(os, "access", lambda path, mode: home not in (path, *path.parents))
    assert len(fetch_dbp15k("zh_en", names=True, data_home=home)[0].names.values) == 2
    assert everything(cache) == sorted(f"zh_en/{name}" for name in [*SMALL, NAMES])
    assert everything(home) == sorted(f"zh_en/{name}" for name in SMALL)


def test_mmkg_is_downloaded(server, monkeypatch, tmp_path):
    write(server.folder, {**SMALL_MMKG, "LICENSE.txt": "BSD"})
    checksums = {"FB15K": {"EntityTriples": None}}
    checksums["DB15K"] = dict.fromkeys(["EntityTriples", "SameAsLink"])
    monkeypatch.setattr(_fetch, "MMKG", checksums)
    kg1, kg2, links = fetch_mmkg("fb15k_db15k", data_home=tmp_path / "home")
    assert links.tolist() == [["/m/1", "http://d/1"]]
    assert everything(tmp_path / "home" / "mmkg_fb15k_db15k") == sorted(
        [*SMALL_MMKG, "LICENSE.txt"]
    )


def test_cut_connection(server, no_checksums, tmp_path):
    server.cuts["/zh_en/triples_1"] = 1
    home = tmp_path / "home"
    with pytest.raises(ConnectionError, match=r"zh_en/triples_1; .* closed the connection") as info:
        fetch_dbp15k("zh_en", data_home=home)
    assert "2 of 7 files came whole" in str(info.value)
    # No folder that looks complete, and no half of a file.
    assert everything(home) == [".zh_en.part/ent_ids_1", ".zh_en.part/ent_ids_2"]
    # The next attempt goes on from there.
    (server.folder / "zh_en" / "ent_ids_1").unlink()
    assert len(fetch_dbp15k("zh_en", data_home=home)[2]) == 2
    assert everything(home) == sorted(f"zh_en/{name}" for name in SMALL)


def test_cut_connection_is_tried_again(server, no_checksums, monkeypatch, tmp_path):
    monkeypatch.setattr(_base, "RETRIES", 1)
    server.cuts["/zh_en/triples_1"] = 1
    assert len(fetch_dbp15k("zh_en", data_home=tmp_path / "home")[2]) == 2


def test_wrong_checksum(server, tmp_path):
    home = tmp_path / "home"
    with pytest.raises(OSError, match=r"zh_en/ent_ids_1 with SHA-256 6d230db7.*was not kept"):
        fetch_dbp15k("zh_en", data_home=home)
    assert everything(home) == []


def test_file_not_found_on_the_server(server, no_checksums, tmp_path):
    (server.folder / "zh_en" / "ent_ids_1").unlink()
    with pytest.raises(OSError, match=r"ent_ids_1; the server answered 404.*data_home"):
        fetch_dbp15k("zh_en", data_home=tmp_path / "home")
    assert everything(tmp_path / "home") == []


def test_server_down(server, no_checksums, tmp_path):
    server.stop()
    server.stop = lambda: None
    with pytest.raises(ConnectionError, match="can't be reached"):
        fetch_dbp15k("zh_en", data_home=tmp_path / "home")
    assert everything(tmp_path / "home") == []


def test_an_incomplete_folder_is_in_the_way(server, no_checksums, tmp_path):
    home = tmp_path / "home"
    folder = write(home / "zh_en", {"ent_ids_1": SMALL["ent_ids_1"], "notes": "mine"})
    with pytest.raises(OSError) as error:
        fetch_dbp15k("zh_en", data_home=home)
    missing = ", ".join(name for name in SMALL if name != "ent_ids_1")
    assert str(error.value) == (
        f"Expected {folder} to have all 7 files or not to be there; found it without {missing}. "
        f"Remove it and try again, or put the whole download, which is kept in "
        f"{home / '.zh_en.part'}, in its place."
    )
    assert everything(folder) == ["ent_ids_1", "notes"]
    assert everything(home / ".zh_en.part") == sorted(SMALL)
    # The advice works, without another download.
    shutil.rmtree(folder)
    shutil.rmtree(server.folder)
    assert len(fetch_dbp15k("zh_en", data_home=home)[2]) == 2
    assert everything(home) == sorted(f"zh_en/{name}" for name in SMALL)


@pytest.fixture
def umask():
    """The usual umask, whatever it is here."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(folder):
    return {oct(path.stat().st_mode & 0o777) for path in (folder, *folder.rglob("*"))}


def test_others_may_read_what_is_downloaded(server, no_checksums, umask, tmp_path):
    fetch_dbp15k("zh_en", data_home=tmp_path / "home")
    assert modes(tmp_path / "home") == {"0o755", "0o644"}


def test_others_may_read_what_is_unpacked(tmp_path, umask, cache):
    pack(tmp_path / "a.tar.xz", write(tmp_path / "src" / "zh_en", SMALL))
    unpack(tmp_path / "a.tar.xz")
    assert modes(cache / "unpacked") == {"0o755", "0o644"}
    assert len(list((cache / "unpacked").iterdir())) == 1


def test_another_process_was_faster(server, tmp_path):
    folder = write(tmp_path / "home" / "zh_en", {"ent_ids_1": "theirs"})
    download_folder(folder, f"{server.url}/zh_en", {"ent_ids_1": None})
    assert everything(tmp_path / "home") == ["zh_en/ent_ids_1"]
    assert (folder / "ent_ids_1").read_text() == "theirs"


# Folders and archives


def test_unpacked_folder_by_environment(tmp_path, monkeypatch):
    write(tmp_path / "home" / "zh_en", SMALL)
    monkeypatch.setenv("IBMEA_DATA", str(tmp_path / "home"))
    kg1, _, links = fetch_dbp15k("zh_en", download_if_missing=False)
    assert links[0].tolist() == ["http://l/a", "http://r/a"]
    assert kg1.attribute_names.tolist() == ["http://p/born"]


def test_archive_is_unpacked_into_the_cache_once(tmp_path, cache):
    home = tmp_path / "home"
    home.mkdir()
    pack(home / "dbp15k_zh_en.tar.xz", write(tmp_path / "src" / "zh_en", SMALL))
    fetch_dbp15k("zh_en", data_home=home, download_if_missing=False)
    assert everything(home) == ["dbp15k_zh_en.tar.xz"]
    (unpacked,) = (cache / "unpacked").iterdir()
    assert sorted(p.name for p in (unpacked / "zh_en").iterdir()) == sorted(SMALL)
    before = unpacked.stat().st_mtime_ns
    fetch_dbp15k("zh_en", data_home=home, download_if_missing=False)
    assert [p.stat().st_mtime_ns for p in (cache / "unpacked").iterdir()] == [before]


def test_a_cache_that_cannot_be_written_to(tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    pack(home / "dbp15k_zh_en.tar.xz", write(tmp_path / "src" / "zh_en", SMALL))
    (tmp_path / "file").touch()
    monkeypatch.setenv("IBMEA_HOME", str(tmp_path / "file"))
    said = "Expected a folder that files can be written to; found .*file.* IBMEA_HOME to a folder"
    with pytest.raises(OSError, match=said):
        fetch_dbp15k("zh_en", data_home=home)
    with pytest.raises(OSError, match=said):
        download_folder(tmp_path / "file" / "zh_en", "http://127.0.0.1:9", {"a": None})


def test_changed_archive_is_unpacked_anew(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    source = write(tmp_path / "src" / "zh_en", SMALL)
    pack(home / "dbp15k_zh_en.tar.xz", source)
    assert len(fetch_dbp15k("zh_en", data_home=home)[2]) == 2
    write(source, {"ill_ent_ids": "0\t2\n"})
    pack(home / "dbp15k_zh_en.tar.xz", source)
    assert len(fetch_dbp15k("zh_en", data_home=home)[2]) == 1


@pytest.mark.parametrize("place", ["mmkg", "."])
def test_mmkg_folder_or_its_parent(tmp_path, place):
    write(tmp_path / "home" / place, SMALL_MMKG)
    _, kg2, links = fetch_mmkg(data_home=tmp_path / "home", download_if_missing=False)
    assert kg2.name == "DB15K" and len(links) == 1


def test_mmkg_archive(tmp_path):
    (tmp_path / "home").mkdir()
    pack(tmp_path / "home" / "mmkg.tar.xz", write(tmp_path / "src" / "mmkg", SMALL_MMKG))
    links = fetch_mmkg(data_home=tmp_path / "home", download_if_missing=False)[2]
    assert len(links) == 1
    # The same archive has no YAGO15K.
    with pytest.raises(FileNotFoundError, match="MMKG fb15k_yago15k"):
        fetch_mmkg("fb15k_yago15k", data_home=tmp_path / "home", download_if_missing=False)


def test_real_pair(data_home):
    bunch = fetch_mmkg(data_home=(data_home / "mmkg").parent, return_bunch=True)
    assert bunch.statistics["kg1"]["relation_triples"] == 592213
    assert bunch.statistics["kg2"]["relation_triples"] == 89197
    assert bunch.statistics["links"] == 12842


@pytest.mark.parametrize("pair", ["fb15k_db15k", "fb15k_yago15k"])
def test_figures_of_the_docstring_of_mmkg(data_home, pair):
    home = (data_home / "mmkg").parent
    bunch = fetch_mmkg(pair, names=True, data_home=home, return_bunch=True)
    for what in ("entities", "relations", "relation_triples", "attribute_triples", "names"):
        figures = [bunch.statistics[side][what] for side in ("kg1", "kg2")]
        assert "{:,} / {:,}".format(*figures) in bunch.DESCR
    assert f"{bunch.statistics['links']:,}" in bunch.DESCR


@pytest.mark.parametrize("subset", ["ja_en", "fr_en"])  # zh_en is read above
def test_figures_of_the_docstring(data_home, subset):
    bunch = fetch_dbp15k(subset, data_home=(data_home / subset).parent, return_bunch=True)
    assert_figures_of_the_docstring(bunch)


def assert_figures_of_the_docstring(bunch):
    for what in ("entities", "relations", "relation_triples", "attributes"):
        figures = [bunch.statistics[side][what] for side in ("kg1", "kg2")]
        assert "{:,} / {:,}".format(*figures) in bunch.DESCR


# Faults


@pytest.mark.parametrize("size", [0, 100])
def test_damaged_archive(tmp_path, cache, size):
    home = tmp_path / "home"
    home.mkdir()
    archive = home / "dbp15k_zh_en.tar.xz"
    pack(archive, write(tmp_path / "src" / "zh_en", SMALL))
    archive.write_bytes(archive.read_bytes()[:size])
    with pytest.raises(OSError, match=r"dbp15k_zh_en.tar.xz to be a whole tar archive; found"):
        fetch_dbp15k("zh_en", data_home=home)
    assert list((cache / "unpacked").iterdir()) == []


def test_archive_that_leads_out_of_its_folder(tmp_path, cache):
    evil = write(tmp_path / "src", {"evil": "x"}) / "evil"
    with tarfile.open(tmp_path / "evil.tar.xz", "w:xz") as tar:
        tar.add(evil, "../../evil")
    with pytest.raises(OSError, match="evil.tar.xz to be a whole tar archive; found: .*outside"):
        unpack(tmp_path / "evil.tar.xz")
    assert everything(cache) == []


def test_missing_and_not_to_be_downloaded(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"DBP15K fr_en in .*home.* or .*cache.*IBMEA_DATA"):
        fetch_dbp15k("fr_en", data_home=tmp_path / "home", download_if_missing=False)
    assert not (tmp_path / "home").exists()


def test_names_missing_and_not_to_be_downloaded(tmp_path):
    folder = write(tmp_path / "home" / "zh_en", SMALL)
    fetch_dbp15k("zh_en", data_home=tmp_path / "home", download_if_missing=False)
    with pytest.raises(FileNotFoundError) as error:
        fetch_dbp15k("zh_en", names=True, data_home=tmp_path / "home", download_if_missing=False)
    assert str(error.value) == (
        f"Expected the names of DBP15K zh_en in the file translated_ent_name.json in {folder}; "
        "found no such file. Let it be downloaded (download_if_missing=True), or leave the names "
        "out (names=False)."
    )
    write(folder, {NAMES: SMALL_NAMES})
    home = tmp_path / "home"
    kg1, _, _ = fetch_dbp15k("zh_en", names=True, data_home=home, download_if_missing=False)
    assert kg1.names.values.tolist() == ["first", "second one"]


def test_names_of_mmkg_are_in_no_repository(server, tmp_path):
    home, file = tmp_path / "home", "FB15K/FB15K_mid2name.txt"
    with pytest.raises(FileNotFoundError, match=f"file {file} in the folder of MMKG fb15k_db15k"):
        fetch_mmkg(names=True, data_home=home)
    assert not home.exists(), "70 MB were downloaded in vain"
    write(home, SMALL_MMKG)
    with pytest.raises(FileNotFoundError, match=f"{file} in .*home.* does not have it: put it th"):
        fetch_mmkg(names=True, data_home=home)
    write(home, {file: "/m/1\tFirst_one\n/m/2\tSecond\n/m/3\tno one\n"})
    kg1, kg2, _ = fetch_mmkg(names=True, data_home=home)
    assert (kg1.names.values.tolist(), kg1.names.languages.tolist()) == (
        ["First one", "Second"],
        ["en", "en"],
    )
    assert kg2.names.values.tolist() == ["1", "2"]
    assert len(fetch_mmkg(data_home=home)[0].names.values) == 0


def test_incomplete_folder_is_not_taken(tmp_path):
    write(tmp_path / "zh_en", {"ent_ids_1": ""})
    assert find_folder(tmp_path, ["zh_en"], [], ["ent_ids_1"]) == tmp_path / "zh_en"
    assert find_folder(tmp_path, ["zh_en"], [], ["ent_ids_1", "triples_1"]) is None


def test_unknown_choices():
    with pytest.raises(ValueError, match="subset among zh_en, ja_en, fr_en; found 'de_en'"):
        fetch_dbp15k("de_en")
    with pytest.raises(ValueError, match="pair among fb15k_db15k, fb15k_yago15k; found 'x'"):
        fetch_mmkg("x")


def test_which_data_home(tmp_path, cache, monkeypatch):
    assert resolve_data_home(None) == cache
    monkeypatch.setenv("IBMEA_DATA", str(tmp_path))
    assert resolve_data_home(None) == tmp_path
    assert resolve_data_home(tmp_path / "given") == tmp_path / "given"


def test_a_home_that_cannot_be_written_gives_way_to_the_cache(tmp_path, cache, monkeypatch):
    assert writable_home(tmp_path / "new" / "home") == tmp_path / "new" / "home"
    # The superuser may write everywhere: ask as if it were anyone else.
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert writable_home(tmp_path) == cache
