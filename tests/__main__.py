"""All checks: ``python tests``. Arguments go to pytest.

mypy takes half a minute of one core, and pytest the whole of two but for its end: they run side by
side, and what mypy says is shown after what pytest says.
"""

import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[1]
Check = tuple[str, ...]

# What `python -m` runs: first what takes a second, then the rest beside pytest.
QUICK: list[Check] = [("ruff", "check", "."), ("ruff", "format", "--check", ".")]
BESIDE: list[Check] = [("mypy",)]


def tests(arguments: Sequence[str]) -> Check:
    """Return the run of pytest.

    A worker gets one half of the tests in their order, and takes from the other's at the end: so
    nearly all that share a fixture are in one.
    """
    return ("pytest", "-n", "2", "--dist", "worksteal", *arguments)


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


def run(check: Check) -> bool:
    """Run a check, which says at once what it has to say."""
    announce(check)
    return subprocess.run(command(check), cwd=ROOT).returncode == 0


def run_quietly(check: Check) -> tuple[bool, str]:
    """Run a check; return whether it passed, and what it said."""
    done = subprocess.run(
        command(check), cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return done.returncode == 0, done.stdout


def command(check: Check) -> list[str]:
    return [sys.executable, "-m", *check]


def announce(check: Check) -> None:
    shown = check if len(check) < 10 else (*check[:2], f"... ({len(check) - 1} files)")
    print("$", *shown, flush=True)


def run_all(arguments: Sequence[str]) -> list[str]:
    """Run all checks; return the names of those that failed."""
    passed = [(check, run(check)) for check in [*QUICK, ("codespell_lib", *spelled(ROOT))]]
    with ThreadPoolExecutor() as pool:
        beside = [(check, pool.submit(run_quietly, check)) for check in BESIDE]
        passed.append((tests(arguments), run(tests(arguments))))
    for check, future in beside:
        announce(check)
        has_passed, said = future.result()
        print(said, end="", flush=True)
        passed.append((check, has_passed))
    return [check[0] for check, has_passed in passed if not has_passed]


if __name__ == "__main__":
    failed = run_all(sys.argv[1:])
    sys.exit(f"Failed: {', '.join(failed)}." if failed else 0)
