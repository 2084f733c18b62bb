"""Commands whose memory is limited end well, or say in a sentence that it does not suffice."""

import os
import re
import subprocess
import sys

import pytest

from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.io import write_pair

# Megabytes beyond what the imports take.
LIMITS = (50, 80, 90, 130, 200, 400, 800)
MANY = pytest.mark.memory
# With the modules that a command imports late: only data is to strike.
LIMITED = """
import re, resource, sys, pathlib
import torch, uvicorn, scipy.optimize, torch._dynamo
from ibmea_sklearn.cli import main
import ibmea_sklearn.aligners, ibmea_sklearn.merging, ibmea_sklearn.reviews
from ibmea_sklearn import IBMEAAligner, merge, review, PropagationAligner
torch.set_num_threads(1)
status = pathlib.Path("/proc/self/status").read_text()
taken = int(re.findall(r"VmSize:\\s+(\\d+)", status)[0]) << 10
resource.setrlimit(resource.RLIMIT_AS, (taken + (int(sys.argv.pop(1)) << 20),) * 2)
main()
"""
COMMANDS = {
    "align": "align pair -o a.tsv --epochs 1 --rounds 1 --quiet",
    "propagation": "align pair -o p.tsv --aligner propagation --quiet",
    "merge": "merge pair -o merged --schema schema.tsv --quiet",
    "review": "review pair/links.csv --pair pair --html r.html --quiet",
    "convert": "convert pair converted --quiet",
}


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    folder = tmp_path_factory.mktemp("memory")
    write_pair(*make_mmkg_pair(600, random_state=0), folder / "pair")
    return folder


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory through /proc and setrlimit")
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "limit",
    [
        pytest.param(100, marks=pytest.mark.slow),
        *(pytest.param(n, marks=pytest.mark.memory) for n in LIMITS),
    ],
)
def test_a_command_with_little_memory(work, command, limit):
    pytest.importorskip("uvicorn", reason="extra [review] is not installed")
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(limit), *COMMANDS[command].split()],
        cwd=work,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    said = [line for line in done.stderr.splitlines() if not line.startswith("Warning")]
    if done.returncode:
        assert done.returncode == 2 and len(said) == 1, done.stderr
        assert re.match("Out of memory|Expected", said[0]), done.stderr
