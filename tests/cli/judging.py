"""Tabs of a browser that judge matches by a server which is killed, and what they were answered."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import requests

from ibmea_sklearn.io import read_alignment, read_pair, read_verdicts

N_TABS = 3


class Judges:
    """Several tabs, each with matches of its own, and what the file may say of each.

    All servers write the same file: one goes on where the last was killed.
    """

    def __init__(self, pair: Path, matches: Path, verdicts: Path) -> None:
        self.path, self.n_answered = verdicts, 0
        self.is_answered = threading.Event()
        kg1, kg2, _ = read_pair(pair)
        places = [{e: i for i, e in enumerate(kg.entity_ids.tolist())} for kg in (kg1, kg2)]
        table = read_alignment(matches)
        self.keys = {
            (s, t): f"{places[0][s]}:{places[1][t]}"
            for s, t in zip(table["source"], table["target"], strict=True)
        }
        # The last verdict that was answered; then, one that was sent and was not.
        self.may_be: dict[tuple[str, str], list[str | None]] = {pair: [None] for pair in self.keys}

    def judge(self, address: str, seed: int) -> None:
        """Judge in all tabs until nobody answers any more."""
        tabs = [
            threading.Thread(target=self._judge, args=(address, i, random.Random(seed + i)))
            for i in range(N_TABS)
        ]
        for tab in tabs:
            tab.start()
        for tab in tabs:
            tab.join()

    def _judge(self, address: str, tab: int, chance: random.Random) -> None:
        pairs = list(self.keys)[tab::N_TABS]
        with requests.Session() as session:
            while True:
                pair = chance.choice(pairs)
                # None takes a verdict back, which rewrites the file.
                word = chance.choice(["same", "different", "unsure", None])
                verdict = word and {"verdict": word, "comment": "x" * chance.randrange(500)}
                self.may_be[pair].append(word)
                body = {"since": 0, "changes": [[self.keys[pair], verdict]]}
                try:
                    session.post(f"{address}verdicts", json=body, timeout=10).raise_for_status()
                except requests.RequestException:
                    return
                self.may_be[pair] = [word]
                self.n_answered += 1
                self.is_answered.set()

    def told(self) -> str:
        """Say whether the file has all that was answered, and no more than was sent."""
        try:
            table = read_verdicts(self.path)
        except (ValueError, OSError) as error:
            return f"unreadable: {error}"
        found: dict[tuple[str, str], str | None] = dict.fromkeys(self.keys)
        for source, target, verdict in table[["source", "target", "verdict"]].values:
            found[source, target] = verdict
        lost = {pair: word for pair, word in found.items() if word not in self.may_be.get(pair, ())}
        self.may_be = {pair: [word] for pair, word in found.items()}
        return f"lost or made up: {lost}" if lost else "kept"


def kill_while_judging(
    start: Callable[[int], int], judges: Judges, waits: float, by: signal.Signals, seed: int
) -> int:
    """Start a server, judge, and kill it some seconds after the first answer; return its status."""
    said, says = os.pipe()
    child = start(says)
    os.close(says)
    address = address_of(said)

    def kill() -> None:
        judges.is_answered.wait(10)
        time.sleep(waits)
        os.kill(child, by)

    judges.is_answered.clear()
    killer = threading.Thread(target=kill)
    killer.start()
    judges.judge(address, seed)
    killer.join()
    os.close(said)
    return os.waitpid(child, 0)[1]


def address_of(pipe: int) -> str:
    """Read the address that a server says."""
    text = b""
    while not text.endswith(b"\n") and (part := os.read(pipe, 1000)):
        text += part
    return text.decode().strip()


def seconds_to_start(start: Callable[[int], int]) -> float:
    """Return how long a server takes until it says its address."""
    begun = time.monotonic()
    said, says = os.pipe()
    child = start(says)
    os.close(says)
    address_of(said)
    seconds = time.monotonic() - begun
    os.close(said)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return seconds
