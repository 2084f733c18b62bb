"""All checks, one after the other: ``python tests``. Arguments go to pytest."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("codespell_lib",),
    ("pytest", "-n", "2", *sys.argv[1:]),
)


def run(check: tuple[str, ...]) -> bool:
    print("$", *check, flush=True)
    return subprocess.run([sys.executable, "-m", *check], cwd=ROOT).returncode == 0


if __name__ == "__main__":
    failed = [check[0] for check in CHECKS if not run(check)]
    sys.exit(f"Failed: {', '.join(failed)}." if failed else 0)
