"""The page in a real browser: judged by keyboard, at both widths, with hostile names."""

import re
import shutil
from contextlib import contextmanager

import pandas as pd
import pytest
from reviews.conftest import HOSTILE, N, serving

from ibmea_sklearn import review
from ibmea_sklearn.io import read_verdicts, write_verdicts

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH"),
]


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as started:
        yield started.chromium


@pytest.fixture(scope="module")
def browser(chromium):
    browser = chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
    yield browser
    browser.close()


def profile(chromium, folder):
    """A browser with what it kept in a folder."""
    return checked(
        chromium.launch_persistent_context(
            str(folder), executable_path=CHROMIUM, args=["--no-sandbox"]
        )
    )


def fresh(browser, **more):
    """A window that knows nothing of others."""
    return checked(browser.new_context(**more))


@contextmanager
def checked(context):
    """Any error of a page fails the test."""
    context.set_default_timeout(15_000)
    wrong = []
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    context.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
    try:
        yield context
    finally:
        context.close()
    assert not wrong


def opened(context, url):
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector("body[data-ready]")
    page.wait_for_selector("#content article")
    return page


@pytest.fixture(scope="session")
def file_url(pair, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "review.html"
    review(pair.matches, pair.kg1, pair.kg2, path, **pair.more)
    return path.as_uri()


def press(page, keys):
    for key in keys:
        if key == "1":  # nobody chooses what is not there yet
            page.wait_for_function(SEEN)
        page.keyboard.press(key)


def downloaded(page, folder):
    with page.expect_download() as waiting:
        page.click("#download")
    path = folder / "downloaded.sssom.tsv"
    waiting.value.save_as(path)
    return read_verdicts(path)


def progress(page):
    return page.text_content("#progress-text")


SEEN = "() => document.getElementById('content').dataset.pair === review.pairKey(review.row)"
SHOWN = "name => document.querySelector('h2').textContent === name"


def until(page, start):
    """Wait for the progress to begin so."""
    script = "start => document.getElementById('progress-text').textContent.startsWith(start)"
    page.wait_for_function(script, arg=start)


# What ten keys say of the matches 0, 1, 10, 11, 2, 3, ... (in the order of their ids as texts).
KEYS = "sdunsd1sds"
ROWS = [0, 1, 10, 11, 2, 3, 4, 5, 6, 7]


def expected(pair, n=10):
    ids = pair.kg1.entity_ids, pair.kg2.entity_ids
    words = {"s": "same", "d": "different", "u": "unsure", "n": "none"}
    said = set()
    for key, i in zip(KEYS[:n], ROWS[:n], strict=True):
        if key == "1":
            said |= {(ids[0][i], ids[1][i], "different"), (ids[0][i], ids[1][i + 1], "same")}
        else:
            said.add((ids[0][i], None if key == "n" else ids[1][i], words[key]))
    return said


def told(table):
    return set(table[["source", "target", "verdict"]].itertuples(index=False, name=None))


def check_ten_pairs(pair, open_page, tmp_path):
    """Judge ten pairs by keyboard, close, open again, undo, download."""
    with open_page() as page:
        press(page, KEYS)
        assert progress(page) == f"10 of {N} judged"
        # 1 and 7 of the ten are same or chosen otherwise; unsure is left out.
        assert page.text_content("#agreement") == "agreement with the aligner 44% (4 of 9)"
        assert told(downloaded(page, tmp_path)) == expected(pair)
    with open_page() as page:
        assert progress(page) == f"10 of {N} judged"
        press(page, "z")
        assert progress(page) == f"9 of {N} judged"
        assert told(downloaded(page, tmp_path)) == expected(pair, 9)
    with open_page() as page:
        press(page, ["ArrowRight", "ArrowRight", "s", "z", "z"])
        assert "Taken back" in page.text_content("#said")
        assert progress(page) == f"8 of {N} judged"


def test_ten_pairs_in_a_file(pair, chromium, file_url, tmp_path):
    @contextmanager
    def open_page():
        with profile(chromium, tmp_path / "profile") as context:
            yield opened(context, file_url)

    check_ten_pairs(pair, open_page, tmp_path)


def test_ten_pairs_by_the_server(pair, chromium, path, tmp_path):
    @contextmanager
    def open_page():
        with serving(pair, path) as address, profile(chromium, tmp_path / "profile") as context:
            page = opened(context, address)
            yield page
            # A browser that is killed in the same moment sends nothing any more.
            page.wait_for_function("() => !review.store.waiting.length")

    check_ten_pairs(pair, open_page, tmp_path)
    assert len(read_verdicts(path)) == 9  # a chosen candidate makes two


def test_a_fast_hand_loses_nothing(pair, browser, address, path, tmp_path):
    with fresh(browser) as context:
        page = opened(context, address)
        page.evaluate(
            """() => { for (let i = 0; i < 12; i += 1) document.body.dispatchEvent(
            new KeyboardEvent("keydown", { key: "d", bubbles: true })); }"""
        )
        page.wait_for_function("() => !review.store.waiting.length && !review.store.sending")
    assert read_verdicts(path)["verdict"].tolist() == ["different"] * N


def test_two_tabs_hear_of_each_other(browser, address, file_url, path, tmp_path):
    for url in (address, file_url):
        with fresh(browser) as context:
            one, other = opened(context, url), opened(context, url)
            press(one, "s")
            until(other, "1 of")
            press(other, ["ArrowRight", "d"])
            one.bring_to_front()
            until(one, "2 of")
    assert read_verdicts(path)["verdict"].tolist() == ["same", "different"]


def test_a_server_that_is_gone_is_told_and_what_waits_can_be_downloaded(
    pair, browser, path, tmp_path
):
    context = browser.new_context()
    with serving(pair, path) as address:
        page = opened(context, address)
    press(page, "sd")
    page.wait_for_selector("#problem:not([hidden])")
    assert "Not saved: the server does not answer" in page.text_content("#problem")
    assert len(downloaded(page, tmp_path)) == 2
    context.close()


def test_verdicts_of_a_colleague_are_loaded(pair, browser, file_url, address, tmp_path):
    ids = pair.kg1.entity_ids, pair.kg2.entity_ids
    rows = [(ids[0][0], ids[1][0], "different"), (ids[0][1], None, "none"), ("a", "b", "same")]
    table = pd.DataFrame(rows, columns=["source", "target", "verdict"], dtype=object)
    write_verdicts(table.assign(comment='a "b"\tc'), tmp_path / "given.sssom.tsv")
    for url in (file_url, address):
        with fresh(browser) as context:
            page = opened(context, url)
            page.set_input_files("#load", tmp_path / "given.sssom.tsv")
            page.wait_for_selector("#problem:not([hidden])")
            assert "2 verdicts loaded. 1 others" in page.text_content("#problem")
            assert progress(page).startswith("2 of")
            found = downloaded(page, tmp_path)
            assert told(found) == set(rows[:2])
            assert found["comment"].str.contains('a "b"').all()


def test_hostile_names_are_shown_and_never_run(browser, file_url, address, tmp_path):
    for url in (file_url, address):
        with fresh(browser) as context:
            page = opened(context, url)
            names = page.locator(".list bdi").all_text_contents()
            assert set(HOSTILE) <= set(names)
            for name in HOSTILE:
                page.fill("#search", name[:12])
                page.wait_for_function(SHOWN, arg=name)
                page.wait_for_timeout(50)
            assert page.evaluate("window.hacked") is None
            assert page.locator("main script, main svg, main b").count() == 0


def test_a_value_of_a_megabyte_is_cut_and_can_be_shown_whole(browser, address, tmp_path):
    with fresh(browser) as context:
        page = opened(context, address)
        page.fill("#search", "left 4")
        page.wait_for_selector("text=show all 1,000,000 characters")
        assert len(page.text_content("#content")) < 3000
        page.click("text=show all 1,000,000 characters >> nth=0")
        assert page.text_content(".long").endswith("<b>the end")


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_width_fits_and_has_no_serious_barrier(browser, file_url, tmp_path, width, scheme):
    axe = pytest.importorskip("axe_core_python.sync_playwright", reason="axe is not installed")
    size = {"width": width, "height": 844}
    with fresh(browser, viewport=size, color_scheme=scheme) as context:
        page = opened(context, file_url)
        press(page, "s1n")
        press(page, ["ArrowLeft"])
        for state in ("page", "help"):
            if state == "help":
                press(page, "?")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            found = axe.Axe().run(page)["violations"]
            serious = [(v["id"], v["nodes"][0]["html"]) for v in found
                       if v["impact"] in ("serious", "critical")]  # fmt: skip
            assert not serious, state


def test_filters_search_and_order(browser, pair, file_url, tmp_path):
    with fresh(browser, viewport={"width": 1280, "height": 900}) as context:
        page = opened(context, file_url)
        count = lambda: re.match(r"\d+", page.text_content("#count"))[0]  # noqa: E731
        press(page, "sd")
        page.select_option("#judged", "unjudged")
        assert count() == "10"
        page.select_option("#judged", "different")
        assert count() == "1"
        page.select_option("#judged", "all")
        page.check("#imageless")
        assert count() == "9"
        page.uncheck("#imageless")
        page.fill("#least", "0.6")
        assert count() == "0" and page.is_visible("#empty")
        press(page, "s")  # in a field: a letter, no verdict
        page.fill("#least", "0")
        assert progress(page).startswith("2 of")


def test_comments_and_names_stand_in_the_file(browser, file_url, tmp_path):
    with fresh(browser) as context:
        page = opened(context, file_url)
        press(page, "?")
        page.fill("#author", "Ada")
        press(page, ["Tab", "Escape"])
        press(page, "c")
        page.keyboard.type("looks odd")
        press(page, ["Enter", "u"])
        row = downloaded(page, tmp_path).iloc[0]
        assert (row["verdict"], row["author"], row["comment"]) == ("unsure", "Ada", "looks odd")
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", row["date"])


def test_keys_can_be_switched_off(browser, file_url, tmp_path):
    with fresh(browser) as context:
        page = opened(context, file_url)
        press(page, "?")
        page.uncheck("#keys")
        press(page, ["Escape", "s"])
        assert progress(page).startswith("0 of")
        page.click("[data-verdict=same]")
        assert progress(page).startswith("1 of")
