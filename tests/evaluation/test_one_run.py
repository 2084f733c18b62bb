"""One run under a protocol: the figures are those of the API."""

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from ibmea_sklearn import (
    IBMEAAligner,
    PartitionedAligner,
    PropagationAligner,
    Protocol,
    compare,
    evaluate,
)
from ibmea_sklearn.datasets import make_mmkg_pair
from ibmea_sklearn.evaluation import Split, split_links
from ibmea_sklearn.evaluation._machine import forget_peak, peak_memory_mib
from ibmea_sklearn.evaluation.one_run import ready
from ibmea_sklearn.io import write_pair
from ibmea_sklearn.matching import Matching
from ibmea_sklearn.metrics import rank_metrics


def small(**params):
    how = {"propagation__n_components": 32, "random_state": 0, "verbose": 0}
    return PropagationAligner().set_params(**how, **params)


def test_each_matching_is_that_of_an_aligner_set_to_it(pair):
    kg1, kg2, links = pair
    report = evaluate(small(), pair, Protocol(0.4, csls_k=2))
    train, test = train_test_split(links, train_size=0.4, random_state=0)
    aligner = small(rounds__n_rounds=1).fit(kg1, kg2.with_names(None), train)
    for method in ("csls", "cosine", "sinkhorn"):
        aligner.set_params(matching__method=method, matching__csls_k=2)
        for direction, reverse in (("left_to_right", False), ("right_to_left", True)):
            expected = rank_metrics(aligner.rank(test, reverse=reverse))
            assert report["by_matching"][method][direction] == expected
    assert (
        report["scores"]["left_to_right"]["fused"] == report["by_matching"]["csls"]["left_to_right"]
    )


def test_a_matching_of_partitions_is_not_taken_for_another():
    pair = make_mmkg_pair(80, structural_overlap=0.4, image_dim=0, random_state=0)
    inner = small(matching__method="csls", rounds__n_rounds=1)
    aligner = PartitionedAligner(inner, n_partitions=1, random_state=0, verbose=0)
    protocol = Protocol(0.4, matchings=("sinkhorn", "csls"))
    found = evaluate(aligner, pair, protocol)["by_matching"]
    aligner.set_params(aligner__matching__method="sinkhorn")
    other = evaluate(aligner, pair, protocol)["by_matching"]
    assert found["sinkhorn"] == other["sinkhorn"] != found["csls"] == other["csls"]


def test_a_folder_is_no_parameter_of_a_report(pair, tmp_path):
    report = evaluate(small(checkpoint_dir=str(tmp_path)), pair, Protocol(0.4))
    assert "random_state" in report["parameters"] and str(tmp_path) not in str(report)


def test_products_of_a_modality_are_taken_once(pair, monkeypatch):
    asked = []
    hold = Matching.hold
    monkeypatch.setattr(Matching, "hold", lambda *args: asked.append(0) or hold(*args))
    report = evaluate(small(), pair, Protocol(0.4))  # three matchings, two directions
    assert len(asked) == len(report["scores"]["left_to_right"])


def test_an_entity_of_two_links_is_compared_once(pair):
    kg1, kg2, links = pair
    aligner = small(rounds__n_rounds=1).fit(kg1, kg2, links[:20])
    twice = np.concatenate([links[30:50], [[links[30, 0], links[31, 1]]]])
    for reverse in (False, True):
        once = aligner.rank(twice[:-1], reverse=reverse)
        np.testing.assert_array_equal(aligner.rank(twice, reverse=reverse)[:-1], once)


def test_the_aligner_is_not_changed(pair):
    aligner = small()
    before = aligner.get_params()
    evaluate(aligner, pair, Protocol(0.4, matchings="cosine"))
    assert aligner.get_params() == before and not hasattr(aligner, "embeddings_")


def test_a_folder_is_as_its_graphs(pair, tmp_path):
    write_pair(*pair, tmp_path / "pair")
    from_folder, from_graphs = (
        evaluate(small(), data, Protocol(0.4)) for data in (tmp_path / "pair", pair)
    )
    assert from_folder["scores"] == from_graphs["scores"]
    assert from_graphs["protocol"]["dataset"] == "synthetic 1 and synthetic 2"


def test_what_a_protocol_sets():
    one = ready(small(), Protocol(iterative=False, candidates="all"), seed=5)
    assert (one.get_params()["rounds__n_rounds"], one.score_candidates) == (1, "all")
    assert one.random_state == 5
    several = ready(small(rounds__n_rounds=1), Protocol(iterative=True))
    assert several.get_params()["rounds__n_rounds"] == 3
    own = ready(small(rounds__n_rounds=2), Protocol(iterative=None, candidates=None))
    assert (own.get_params()["rounds__n_rounds"], own.score_candidates) == (2, "pairs")


def test_a_preset_that_is_iterative_within_one_schedule():
    paper = IBMEAAligner.from_preset("paper")
    one = ready(paper, Protocol(iterative=False)).get_params()
    assert one["rounds__candidate_interval"] is None and one["rounds__n_rounds"] == 1
    several = ready(paper, Protocol(iterative=True)).get_params()
    assert several["rounds__candidate_interval"] == 5


def test_vectors_are_not_iterative(by_images):
    made = ready(by_images["all"], Protocol(iterative=True))
    assert made.get_params()["rounds__n_rounds"] == 1


def test_steps_are_told(pair):
    told = []

    class Step:
        def __init__(self, what):
            told.append(what.split()[0])

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

    evaluate(small(), pair, Protocol(0.4), step=Step)
    assert told == ["Fitting", "Ranking", "Aligning"]


def test_a_split_is_that_of_the_command_line(pair):
    train, test = train_test_split(pair[2], train_size=0.25, random_state=7)
    split = split_links(pair[2], 0.25, 7)
    assert isinstance(split, Split)
    np.testing.assert_array_equal(split.train, train)
    np.testing.assert_array_equal(split.test, test)


def openea(pair, folder):
    """A folder with two published folds."""
    kg1, kg2, links = pair
    for side, kg in (("1", kg1), ("2", kg2)):
        rows = kg.entity_ids[kg.relation_triples[:, [0, 2]]]
        names = kg.relation_names[kg.relation_triples[:, 1]]
        lines = (f"{h}\t{r}\t{t}\n" for (h, t), r in zip(rows, names, strict=True))
        (folder / f"rel_triples_{side}").write_text("".join(lines))
    parts = {"train_links": links[:20], "valid_links": links[20:30], "test_links": links[30:]}
    for fold in ("1", "2"):
        (folder / "721_5fold" / fold).mkdir(parents=True)
        for name, part in parts.items():
            told = "".join("\t".join(p) + "\n" for p in part[:: int(fold)])
            (folder / "721_5fold" / fold / name).write_text(told)
    (folder / "ent_links").write_text("".join("\t".join(p) + "\n" for p in links))
    return folder


def jape(pair, folder):
    """A DBP15K folder that says which links are to learn from."""
    *graphs, links = pair
    codes = [{e: i + side * 1000 for i, e in enumerate(kg.entity_ids)} for side, kg in
             enumerate(graphs)]  # fmt: skip
    for side, (kg, code) in enumerate(zip(graphs, codes, strict=True), 1):
        rows = kg.relation_triples + np.array([side - 1, 0, side - 1]) * 1000
        named = "".join(f"{i}\t{e}\n" for e, i in code.items())
        (folder / f"ent_ids_{side}").write_text(named)
        (folder / f"triples_{side}").write_text("".join(f"{h}\t{r}\t{t}\n" for h, r, t in rows))
    for name, part in (("sup_ent_ids", links[:20]), ("ref_ent_ids", links[20:])):
        told = "".join(f"{codes[0][a]}\t{codes[1][b]}\n" for a, b in part)
        (folder / name).write_text(told)
    return folder


def test_the_split_of_jape_is_fold_one(pair, tmp_path):
    folder = str(jape(pair, tmp_path))
    protocol = evaluate(small(), folder, fold=1)["protocol"]
    n = len(pair[2])
    assert (protocol["n_seeds"], protocol["n_test"]) == (20, n - 20)
    assert protocol["split"].startswith("of the folder: sup_ent_ids to learn from")
    assert protocol["split_seed"] is None
    split = split_links(pair[2], dataset=folder, fold=1)
    assert split.train.tolist() == pair[2][:20].tolist()
    assert split.test.tolist() == pair[2][20:].tolist()


def test_folds_that_a_folder_of_dbp15k_has_not(pair, tmp_path):
    folder = jape(pair, tmp_path)
    with pytest.raises(ValueError, match="Expected fold 1 of .*, whose links are split once; fou"):
        split_links(pair[2], dataset=str(folder), fold=2)
    (folder / "sup_ent_ids").unlink()
    with pytest.raises(ValueError, match="one of DBP15K with sup_ent_ids and ref_ent_ids; found"):
        split_links(pair[2], dataset=str(folder), fold=1)


def test_published_folds_are_seeds(pair, tmp_path):
    folder = openea(pair, tmp_path)
    found = compare({"p": small()}, {"toy": folder}, [1, 2, 3], Protocol("published"))
    told = [run["report"]["protocol"] for run in found.runs[:2]]
    assert [(p["n_seeds"], p["n_test"]) for p in told] == [(20, 30), (10, 15)]
    assert found.failures()["seed"].tolist() == [3]
    assert "721_5fold" in found.failures()["sentence"][0]


@pytest.mark.parametrize(
    ("args", "options", "kind", "message"),
    [
        ((PropagationAligner, "pair"), {}, TypeError, "found the class PropagationAligner"),
        (("propagation", "pair"), {}, TypeError, "Expected an aligner"),
        ((None, "pair"), {}, TypeError, "found NoneType"),
        (("small", 3), {}, TypeError, "found int. Its names are: emoji"),
        (("small", (1, 2, 3)), {}, TypeError, "found tuple"),
        (("small", "emoij"), {}, ValueError, "Did you mean 'emoji'"),
        (("small", "pair", 0.3), {}, TypeError, "Expected a Protocol; found float"),
        (("small", "pair"), {"fold": 1}, ValueError, "Expected fold with an OpenEA folder, or"),
        (("small", "nameless"), {}, ValueError, "whose entities have names; found none"),
        (("small", "linkless"), {}, ValueError, "Expected at least 4 links"),
    ],
)
def test_wrong_inputs(pair, args, options, kind, message):
    known = {
        "pair": pair,
        "nameless": pair,
        "linkless": (*pair[:2], pair[2][:3]),
        "small": small(),
    }
    given = [known.get(arg, arg) if isinstance(arg, str) else arg for arg in args]
    if "nameless" in args:
        given.append(Protocol(names="given"))
    with pytest.raises(kind, match=message):
        evaluate(*given, **options)


def test_memory_is_that_of_the_run():
    rows = np.ones((1 << 24,))  # 128 MiB
    before = peak_memory_mib()
    del rows
    forget_peak()
    assert peak_memory_mib() <= before


class Seen(PropagationAligner):
    """Keeps what it is given."""

    def fit(self, kg1, kg2=None, seeds=None, verdicts=None):
        Seen.given = kg1, kg2, seeds, verdicts
        return super().fit(kg1, kg2, seeds, verdicts)


def seen(data, protocol, **more):
    aligner = Seen(random_state=0, verbose=0).set_params(propagation__n_components=32)
    report = evaluate(aligner, data, protocol, **more)
    return *Seen.given, report


def test_modalities_and_images_are_partly_gone(pair):
    how = {"keep": {"image": 0.5, "attribute": 0.25}, "image_noise": 0.3}
    left, right, _, _, report = seen(pair, Protocol(0.4, matchings=(), **how))
    for kg, before in zip((left, right), pair[:2], strict=True):
        for modality, share in how["keep"].items():
            assert kg.modalities[modality] == pytest.approx(
                share * before.modalities[modality], abs=1 / kg.n_entities
            )
        rows = kg.features["image"]
        values, whole = rows.values[rows.mask], before.features["image"].values[rows.mask]
        assert 0.2 < (values == 0).mean() < 0.4
        np.testing.assert_array_equal(values[values != 0], whole[values != 0])
    assert report["protocol"]["keep"] == {"attribute": 0.25, "image": 0.5}
    assert report["protocol"]["image_noise"] == 0.3 and "pool" not in report["protocol"]


def test_a_pool_of_the_links_says_who_has_no_partner(pair):
    kg1, kg2, links = pair
    some = kg1, kg2, links[:50]
    left, right, _, verdicts, report = seen(some, Protocol(0.4, pool="links"))
    assert set(verdicts["verdict"]) == {"none"}
    told = [set(verdicts[side].dropna()) for side in ("source", "target")]
    for kg, alone, side in zip((left, right), told, links[:50].T, strict=True):
        assert alone == set(kg.entity_ids.tolist()) - set(side)
    assert "says who has a partner" in report["protocol"]["pool"]
    assert seen(some, Protocol(0.4))[3] is None


def test_fifths_of_the_test_pairs_are_scored_by_how_alike_their_images_are(pair):
    *_, report = seen(pair, Protocol(0.25, matchings=("cosine",)), by_similarity=True)
    bands = report["by_similarity"]
    assert [band["n_pairs"] for band in bands] == [9] * 5
    likeness = [band["similarity"] for band in bands]
    assert likeness == sorted(likeness) and bands[-1]["high"] == 1
    whole = report["scores"]["left_to_right"]["fused"]
    for score in ("hits@1", "mrr"):
        assert np.mean([band[score] for band in bands]) == pytest.approx(whole[score])


def test_graphs_without_images_have_no_noise_in_them(pair):
    bare = [kg.with_features(image=None) for kg in pair[:2]]
    with pytest.raises(ValueError, match="whose entities have images.*found none in"):
        evaluate(small(), (*bare, pair[2]), Protocol(0.4, image_noise=0.5))
