"""The two commands of the README, and that CI runs the second word for word."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMMANDS = re.findall(r"```sh\n(.*?)\n```", (ROOT / "README.md").read_text(), re.DOTALL)


def test_there_are_exactly_two_commands():
    demo, test = COMMANDS
    assert demo.endswith("ibmea demo") and test.endswith("bin/python tests")


def test_ci_runs_the_test_command_word_for_word():
    assert COMMANDS[1] in (ROOT / ".ci" / "run").read_text().splitlines()


def test_constraints_are_exact():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in pins)
    assert "torch==2.13.0" in pins
