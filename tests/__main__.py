"""All checks, one after the other: ``python tests``. Arguments go to pytest."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]


def checks(arguments: Sequence[str]) -> list[tuple[str, ...]]:
    """Return what ``python -m`` runs."""
    return [
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("mypy",),
        ("codespell_lib", *spelled(ROOT)),
        ("pytest", "-n", "2", *arguments),
    ]


def spelled(root: Path) -> list[str]:
    """Return what to read for spelling: the files of the repository, not what `ibmea` has written.

    Where git can't say which they are, that is the whole folder.
    """
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True)
    except FileNotFoundError:
        listed = None
    if listed is None or listed.returncode:
        print("git can't say which files are the repository's: spelling looks at all that is here.")
        return ["."]
    return [name for name in listed.stdout.split("\0") if name and (root / name).is_file()]


def run(check: tuple[str, ...]) -> bool:
    shown = check if len(check) < 10 else (*check[:2], f"... ({len(check) - 1} files)")
    print("$", *shown, flush=True)
    return subprocess.run([sys.executable, "-m", *check], cwd=ROOT).returncode == 0


if __name__ == "__main__":
    failed = [check[0] for check in checks(sys.argv[1:]) if not run(check)]
    sys.exit(f"Failed: {', '.join(failed)}." if failed else 0)
