"""Answers of language models on disk, so that no question is asked twice."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from .._utils.files import atomic_write


class AnswerCache:
    """A folder with a JSON file for each question and its answer.

    A file is called by the hash of model and question, so it needs no index, and two processes
    can't get in each other's way. One that is damaged, or can't be written, is as none.

    Parameters
    ----------
    folder : Path or None
        None keeps nothing.
    model : str
        Which model answers: others have files of their own.
    """

    def __init__(self, folder: Path | None, model: str) -> None:
        self.folder = folder
        self.model = model

    def read(self, prompt: str) -> str | None:
        """Return the answer to a question, if it is there."""
        if self.folder is None:
            return None
        try:
            said = json.loads(self._path(self.folder, prompt).read_text(encoding="utf8"))
            is_same = said["model"] == self.model and said["prompt"] == prompt
            return str(said["answer"]) if is_same else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, prompt: str, answer: str) -> None:
        """Keep an answer; where nothing can be written, the question is just asked again."""
        if self.folder is None:
            return
        said = {"model": self.model, "prompt": prompt, "answer": answer}
        try:
            with atomic_write(self._path(self.folder, prompt)) as file:
                json.dump(said, file, indent=1)
        except OSError:
            return

    def _path(self, folder: Path, prompt: str) -> Path:
        key = hashlib.sha256(json.dumps([self.model, prompt]).encode()).hexdigest()
        return folder / f"{key[:40]}.json"
