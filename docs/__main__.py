"""The site: ``python docs`` builds it, with the gallery, and checks it.

``python docs --no-gallery`` leaves out what takes minutes: the examples are shown, but not run.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _links import broken_links

DOCS = Path(__file__).parent
SITE = DOCS / "_build" / "html"


def try_first_page() -> bool:
    """Run the code of "Getting started" as it stands there, which the tests do in small."""
    page = DOCS / "getting_started.md"
    command = [sys.executable, str(DOCS / "_pages.py"), str(page)]
    print("$ python _pages.py", page.name, flush=True)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        is_right = subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL).returncode == 0
    print(f"{time.perf_counter() - start:.0f} s", flush=True)
    return is_right


def build(with_gallery: bool) -> bool:
    """Build the pages; a warning is an error."""
    for folder in ("api/generated", "gallery"):  # pages of what is no longer there
        shutil.rmtree(DOCS / folder, ignore_errors=True)
    options = [] if with_gallery else ["-D", "plot_gallery=0"]
    command = ["sphinx", "-b", "html", "-E", "-W", "--keep-going", "-q", *options, ".", str(SITE)]
    print("$", *command, flush=True)
    env = {**os.environ, "MPLBACKEND": "Agg"}
    return subprocess.run([sys.executable, "-m", *command], cwd=DOCS, env=env).returncode == 0


def check_links() -> bool:
    """Say which links inside the site lead nowhere."""
    print("$ links inside the site", flush=True)
    broken = list(broken_links(SITE))
    for link in broken:
        print(link)
    return not broken


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python docs", description="Build the site, and check it."
    )
    parser.add_argument("--no-gallery", action="store_true", help="don't run the examples")
    wants_gallery = not parser.parse_args().no_gallery
    checks = {"sphinx": lambda: build(wants_gallery), "links": check_links}
    if wants_gallery:
        checks = {"getting started": try_first_page, **checks}
    failed = [name for name, check in checks.items() if not check()]
    print(f"{SITE / 'index.html'}")
    sys.exit(f"Failed: {', '.join(failed)}." if failed else 0)
