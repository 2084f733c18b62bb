"""Each example runs from top to bottom: on a small pair, with little training, in one process."""

import re
from pathlib import Path

import numpy as np
import pytest

from ibmea_sklearn import KnowledgeGraph, datasets

FILES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))
# What takes long, and what stands in for it.
SMALLER = {
    r"n_entities = \d+": "n_entities = 60",
    r"max_epochs=\d+": "max_epochs=1",
    r"min_steps=\d+": "min_steps=1",
    r"components=\d+": "components=16",
    r"LabelPropagation\(\d+": "LabelPropagation(16",
    r"label_width=\d+": "label_width=16",
    r"n_jobs=2": "n_jobs=1",
    r"\[1e-4, 1e-2, 1\.0\]": "[1e-4]",
    r"in \(1e-3, 1e-1, 1\.0\)": "in (1e-3, 1e-1)",
    r"FRACTIONS = .*": "FRACTIONS = (0.0, 0.6)",
    r"SHARES = .*": "SHARES = (1.0, 0.4)",
}
N_EMOJI = 80


def with_a_common_word(kg, links):
    """Choose emoji that the seeds reach: all point at the same word, in the last graph."""
    heads, _, tails = kg.relation_triples.T
    has_word = heads[tails == np.bincount(tails).argmax()]
    return links[np.isin(kg.entity_index(links[:, -1]), has_word)][:N_EMOJI]


def part_of(kg, emoji):
    """Return the graph of these emoji and their words, each with what is said of it."""
    triples = zip(*(kg.entity_ids[kg.relation_triples[:, side]] for side in (0, 2)), strict=True)
    names = kg.relation_names[kg.relation_triples[:, 1]]
    owners, attributes = kg.attribute_triples.T
    said = zip(
        kg.entity_ids[owners], kg.attribute_names[attributes], kg.attribute_values, strict=True
    )
    chosen = set(emoji)
    return KnowledgeGraph(
        [(h, name, t) for (h, t), name in zip(triples, names, strict=True) if h in chosen],
        [row for row in said if row[0] in chosen],
        images=of(kg, kg.images, chosen),
        texts=of(kg, kg.texts, chosen),
        name=kg.name,
    )


def of(kg, said, chosen):
    owners = kg.entity_ids[said.entities].tolist()
    return [row for row in zip(owners, said.values, strict=True) if row[0] in chosen]


@pytest.fixture(scope="module")
def few_emoji():
    """Real emoji, but few: the graphs of two parties or three, and their links."""
    pytest.importorskip("emoji", reason="extra [emoji] is not installed")
    few = {}
    for parties in (2, 3):
        *graphs, links = datasets.load_emoji(parties=parties)
        links = with_a_common_word(graphs[-1], links)
        parts = [part_of(kg, emoji) for kg, emoji in zip(graphs, links.T, strict=True)]
        few[parties] = (*parts, links)
    return few


def smaller(source):
    for pattern, small in SMALLER.items():
        source = re.sub(pattern, small, source)
    return source


def test_there_is_something_of_all_that_is_made_smaller():
    sources = [file.read_text() for file in FILES]
    for pattern in SMALLER:
        assert any(re.search(pattern, source) for source in sources), f"no example has {pattern}"


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_runs(file, few_emoji, tmp_path, monkeypatch, capsys):
    matplotlib = pytest.importorskip("matplotlib", reason="extra [plot] is not installed")
    matplotlib.use("Agg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets, "load_emoji", lambda parties=2: few_emoji[parties])
    try:
        exec(compile(smaller(file.read_text()), file, "exec"), {"__name__": "__main__"})
    finally:
        matplotlib.pyplot.close("all")
    assert capsys.readouterr().out
    # Nothing is left but the picture.
    (picture,) = tmp_path.iterdir()
    assert picture.name == f"{file.stem[3:]}.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
