"""Takes the pictures of docs/howto/review.md; needs the extras demo and test, and a chromium.

``python docs/_review_pictures.py`` writes them to docs/_static.
"""

import io
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from ibmea_sklearn import PropagationAligner, review
from ibmea_sklearn.datasets import load_emoji

STATIC = Path(__file__).parent / "_static"
SHOTS = {
    "review.png": ({"width": 1180, "height": 860}, "light"),
    "review_narrow.png": ({"width": 390, "height": 760}, "dark"),
}


def main() -> None:
    """Align the emoji, and look at a doubtful match that has images."""
    kg1, kg2, links = load_emoji(names=True)
    aligner = PropagationAligner(random_state=0, verbose=0).fit(kg1, kg2, links[:600])
    matches = aligner.align()
    matches = matches[matches["source"].isin(kg1.entity_ids[kg1.images.entities])]
    others = aligner.candidates(matches["source"], k=6)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page = review(matches, kg1, kg2, Path(folder) / "review.html", others, aligner)
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for name, (size, scheme) in SHOTS.items():
            tab = browser.new_page(viewport=size, color_scheme=scheme)
            tab.goto(page.path.as_uri())
            tab.wait_for_selector("#content article")
            for key in "ssds":
                tab.keyboard.press(key)
            tab.wait_for_timeout(300)
            picture = Image.open(io.BytesIO(tab.screenshot()))
            picture.convert("RGB").save(STATIC / name, optimize=True)
        browser.close()


if __name__ == "__main__":
    main()
