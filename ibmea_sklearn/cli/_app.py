"""The commands and their options, the application, and how it ends."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import __version__
from ._guard import INTERRUPTED, guarded
from ._options import (
    Aligner,
    Device,
    Epochs,
    MemoryLimit,
    MinConfidence,
    Modalities,
    NameModel,
    Preset,
    Quiet,
    Rounds,
    Seed,
    Settings,
)
from ._several import align_all, deduplicate

__all__ = ["app", "main"]


def demo(
    output_dir: Annotated[
        Path, typer.Option(help="Where alignment.tsv, alignment.png and review.html go.")
    ] = Path("."),
    seed: Seed = 0,
    train_ratio: Annotated[float, typer.Option(help="Share of the links to learn from.")] = 0.3,
    epochs: Epochs = None,
    rounds: Rounds = None,
    device: Device = None,
    settings: Settings = None,
    quiet: Quiet = False,
) -> None:
    """Align two real graphs of emoji, with images, offline."""
    from ._aligners import make_aligner
    from ._demo import run_demo
    from ._talk import Talk

    ibmea = make_aligner(
        "ibmea",
        settings=settings or (),
        epochs=epochs,
        rounds=rounds,
        seed=seed,
        device=device,
        verbose=0 if quiet else None,
    )
    run_demo(Talk(quiet), ibmea, output_dir, train_ratio)


def align(
    kg1: Annotated[
        Path,
        typer.Argument(
            metavar="KG1",
            help="A graph: RDF, a folder of tables, an MMKG folder. Or a folder of both graphs.",
        ),
    ],
    kg2: Annotated[
        Path | None, typer.Argument(metavar="KG2", help="The other graph, if not in KG1.")
    ] = None,
    *,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="File to write: .tsv (SSSOM), .nt (owl:sameAs), .csv, .parquet. -: SSSOM to "
            "standard output, all else to standard error.",
        ),
    ],
    seeds: Annotated[
        Path | None,
        typer.Option(
            help="Known pairs: CSV, TSV, SSSOM, RDF or Parquet. [default: the links of the folder "
            "of both graphs; none for two graphs: pairs are found by what they say]"
        ),
    ] = None,
    verdicts: Annotated[
        list[Path] | None,
        typer.Option(
            help="What a person said on the review page: SSSOM. Same is one more seed, different "
            "is never matched (repeatable; later files count more)."
        ),
    ] = None,
    names: Annotated[
        str | None,
        typer.Option(
            help="Names of the entities. id: the last part of each id, as Bob_Dylan in "
            "http://dbpedia.org/resource/Bob_Dylan; none: no names; or IRIs of predicates of RDF "
            "whose literals are names, with commas between. [default: those that the graphs have: "
            "rdfs:label and the like]"
        ),
    ] = None,
    name_model: NameModel = None,
    method: Annotated[
        str,
        typer.Option(
            help="mutual: pairs that are each other's best; assignment: a partner for as many "
            "entities as possible."
        ),
    ] = "mutual",
    min_confidence: MinConfidence = None,
    precision: Annotated[
        float | None,
        typer.Option(
            help="Expected share of right matches: as many of the surest ones as have it."
        ),
    ] = None,
    include_seeds: Annotated[
        bool, typer.Option("--include-seeds", help="Write the seeds, too, with confidence 1.")
    ] = False,
    cardinality: Annotated[
        str,
        typer.Option(
            help="one: one to one; many: each entity of KG1 with its best of KG2, which several "
            "may share."
        ),
    ] = "one",
    aligner: Aligner = "ibmea",
    preset: Preset = "best",
    epochs: Epochs = None,
    rounds: Rounds = None,
    seed: Seed = 0,
    device: Device = None,
    memory_limit: MemoryLimit = None,
    modalities: Modalities = None,
    settings: Settings = None,
    save: Annotated[
        Path | None, typer.Option(help="File to save the fitted aligner to, for BaseAligner.load.")
    ] = None,
    checkpoint_dir: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the state of the fit: the same command goes on where it stopped."
        ),
    ] = None,
    extend: Annotated[
        Path | None,
        typer.Option(
            help="A file of --save: the graphs have grown since, and are answered without another "
            "fit; earlier matches stay."
        ),
    ] = None,
    changes: Annotated[
        Path | None,
        typer.Option(
            help="With --extend: a file .tsv for the earlier matches that would now be others."
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Align two graphs, given some known pairs, or none."""
    from ._aligners import make_aligner, split_names
    from ._alignment import run_alignment
    from ._talk import Talk, to_standard_output

    wanted: dict[str, Any] = {
        "method": method,
        "precision": precision,
        "include_seeds": include_seeds,
        "cardinality": cardinality,
    }
    if changes is not None and extend is None:
        raise ValueError(
            "Expected --extend with --changes; found none. A first alignment changes nothing: "
            "leave --changes out, or name the file of --save."
        )
    if extend is not None:
        from ._extension import run_extension

        learnt = {
            "--seeds": seeds,
            "--verdicts": verdicts,
            "--name-model": name_model,
            "--preset": preset if preset != "best" else None,
            "--epochs": epochs,
            "--rounds": rounds,
            "--memory-limit": memory_limit,
            "--modalities": modalities,
            "--set": settings,
            "--checkpoint-dir": checkpoint_dir,
        }
        with to_standard_output(output, "alignment.tsv") as file:
            run_extension(
                Talk(quiet, passed_on=None if file == output else file),
                extend,
                (kg1, kg2),
                file,
                save,
                changes,
                names=names,
                min_confidence=min_confidence,
                device=device,
                wanted=wanted,
                learnt=learnt,
            )
        return
    made = make_aligner(
        aligner,
        preset,
        settings or (),
        epochs=epochs,
        rounds=rounds,
        seed=seed,
        device=device,
        memory_limit=memory_limit,
        modalities=split_names(modalities),
        checkpoint_dir=checkpoint_dir,
        verbose=0 if quiet else None,
    )
    with to_standard_output(output, "alignment.tsv") as file:
        talk = Talk(quiet, passed_on=None if file == output else file)
        run_alignment(
            talk,
            made,
            (kg1, kg2),
            seeds,
            file,
            save,
            verdicts or (),
            method=method,
            names=names,
            name_model=name_model,
            min_confidence=min_confidence,
            precision=precision,
            include_seeds=include_seeds,
            cardinality=cardinality,
        )


def evaluate(
    dataset: Annotated[
        str,
        typer.Option(
            help="emoji, dbp15k_zh_en, dbp15k_ja_en, dbp15k_fr_en, mmkg_fb15k_db15k, "
            "mmkg_fb15k_yago15k, or a folder of two graphs and their links."
        ),
    ],
    train_ratio: Annotated[
        float,
        typer.Option(help="Share of the links to learn from. 0: no seeds, all links are scored."),
    ] = 0.3,
    split_seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Of the split of the links.")
    ] = 0,
    fold: Annotated[
        int | None,
        typer.Option(
            help="A published fold of an OpenEA folder instead; 1: the split of a DBP15K folder "
            "with sup_ent_ids and ref_ent_ids."
        ),
    ] = None,
    names: Annotated[
        str | None,
        typer.Option(
            help="Names of the entities: another protocol, which the figures name. given: those of "
            "the data, which are machine-translated for DBP15K; id: as they are, the last part of "
            "each id; none: no names. [default: none in a data set by name, those that a folder of "
            "your own has]"
        ),
    ] = None,
    name_model: NameModel = None,
    dangling: Annotated[
        float,
        typer.Option(
            help="Share of the test pairs whose right entities are taken out of the second graph: "
            "their left ones then have no partner, and any match of them is wrong."
        ),
    ] = 0.0,
    pool: Annotated[
        str,
        typer.Option(
            help="Where pairs that join the seeds are looked for. all: among all entities; links: "
            "among those of the links, as TMEA's published code does, which says who has a partner."
        ),
    ] = "all",
    keep: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODALITY=SHARE",
            help="Of the entities with images, attributes, texts or names, so many keep them, on "
            "both sides: image=0.4. Repeatable.",
        ),
    ] = None,
    image_noise: Annotated[
        float, typer.Option(help="Share of the numbers of image features that are set to zero.")
    ] = 0.0,
    by_similarity: Annotated[
        bool,
        typer.Option(
            "--by-similarity",
            help="Score fifths of the test pairs apart, by how alike their images are.",
        ),
    ] = False,
    iterative: Annotated[
        bool,
        typer.Option("--iterative", help="Pairs that are sure join the seeds, round by round."),
    ] = False,
    json: Annotated[
        Path | None,
        typer.Option(
            "--json",
            help="Write scores and protocol to this file. -: to standard output, all else to "
            "standard error.",
        ),
    ] = None,
    aligner: Aligner = "ibmea",
    preset: Preset = "best",
    epochs: Epochs = None,
    rounds: Rounds = None,
    seed: Seed = 0,
    modalities: Modalities = None,
    csls_k: Annotated[int | None, typer.Option(help="Neighbours of CSLS.")] = None,
    matching: Annotated[str | None, typer.Option(help="csls, cosine or sinkhorn.")] = None,
    also: Annotated[
        str | None,
        typer.Option(help="Rank by these matchings as well, with a comma between: csls,cosine."),
    ] = None,
    device: Device = None,
    settings: Settings = None,
    quiet: Quiet = False,
) -> None:
    """Score an aligner on a data set, and say the whole protocol.

    Learns from a part of the links, and is scored on the rest, in both directions.
    """
    from ._aligners import make_aligner, split_names
    from ._evaluation import run_evaluation, shares_of
    from ._talk import Talk, to_standard_output

    made = make_aligner(
        aligner,
        preset,
        settings or (),
        iterative=iterative,
        epochs=epochs,
        rounds=rounds,
        seed=seed,
        device=device,
        modalities=split_names(modalities),
        matching=matching,
        csls_k=csls_k,
        verbose=0 if quiet else None,
    )
    split = train_ratio, split_seed, fold
    name = aligner, preset
    conditions = {
        "name_model": name_model,
        "dangling": dangling,
        "pool": pool,
        "keep": shares_of(keep or ()),
        "image_noise": image_noise,
    }
    with to_standard_output(json, "scores.json") as file:
        talk = Talk(quiet, passed_on=None if file == json else file)
        run_evaluation(
            talk,
            made,
            dataset,
            split=split,
            name=name,
            output=file,
            names=names,
            conditions=conditions,
            also=split_names(also) or (),
            by_similarity=by_similarity,
        )


def compare(
    aligners: Annotated[
        list[str] | None,
        typer.Option(
            "--aligner",
            metavar="[NAME=]ALIGNER[/PRESET]",
            help="ibmea, tmea, paris, propagation, gcn_align, eva, mclea, meaformer, or "
            "MODULE:CLASS of your own; with a preset, as ibmea/paper; called NAME in the table. "
            "Repeatable.",
        ),
    ] = None,
    vectors: Annotated[
        list[str] | None,
        typer.Option(
            "--vectors",
            metavar="NAME=LEFT,RIGHT",
            help="Vectors that you have, two .npy files with rows in the order of the entities. "
            "{dataset} and {seed} in a path are filled in. Repeatable.",
        ),
    ] = None,
    *,
    datasets: Annotated[
        list[str],
        typer.Option(
            "--dataset",
            help="As of evaluate: the name of a data set, or a folder of two graphs and their "
            "links. Repeatable.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="Folder for runs, tables, picture and badge. Runs that are there are not made "
            "again.",
        ),
    ] = Path("comparison"),
    seeds: Annotated[
        str, typer.Option(help="Of split and aligner: one run for each, with a comma between.")
    ] = "0,1,2",
    train_ratio: Annotated[
        str,
        typer.Option(
            help="Share of the links to learn from. 0: no seeds, all links are scored. published: "
            "the folds of OpenEA folders, whose numbers are the seeds."
        ),
    ] = "0.3",
    iterative: Annotated[
        bool,
        typer.Option("--iterative", help="Pairs that are sure join the seeds, round by round."),
    ] = False,
    candidates: Annotated[
        str,
        typer.Option(
            help="pairs: the targets of the test pairs are ranked; all: all entities that are no "
            "seeds."
        ),
    ] = "pairs",
    names: Annotated[
        str,
        typer.Option(help="Names of the entities: none, id (last part of each id) or given."),
    ] = "none",
    name_model: NameModel = None,
    dangling: Annotated[
        float, typer.Option(help="Share of the test pairs whose right entities are taken out.")
    ] = 0.0,
    matching: Annotated[
        str,
        typer.Option(
            help="csls, cosine and sinkhorn, with a comma between: a column each. Differences are "
            "by the first."
        ),
    ] = "csls,cosine,sinkhorn",
    csls_k: Annotated[int, typer.Option(help="Neighbours of CSLS.")] = 3,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME:PARAMETER=VALUE",
            help="A parameter of the aligner that is called NAME. Repeatable.",
        ),
    ] = None,
    jobs: Annotated[int | None, typer.Option("--jobs", help="Runs at a time.")] = None,
    retry: Annotated[
        bool, typer.Option("--retry", help="Make runs again that have failed.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Compare aligners on data sets under one protocol.

    Means, deviations, intervals and tests of differences, checks of the data, a picture, a badge.
    """
    from ._aligners import split_names
    from ._comparison import named_aligners, read_ratio, run_comparison, split_integers
    from ._talk import Talk

    chosen = [] if vectors and not aligners else aligners or ["ibmea", "propagation"]
    told = {
        "train_ratio": read_ratio(train_ratio),
        "iterative": iterative,
        "candidates": candidates,
        "names": names,
        "name_model": name_model,
        "dangling": dangling,
        "matchings": split_names(matching) or (),
        "csls_k": csls_k,
    }
    run_comparison(
        Talk(quiet),
        named_aligners(chosen, vectors or (), settings or ()),
        datasets,
        split_integers(seeds),
        told,
        output,
        n_jobs=jobs,
        retry=retry,
    )


def review(
    alignment: Annotated[
        Path | None,
        typer.Argument(
            metavar="ALIGNMENT", help="Matches to judge: SSSOM, CSV, TSV, N-Triples or Parquet."
        ),
    ] = None,
    *,
    questions: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Instead of an alignment: so many pairs of which an answer helps most, asked of "
            "the aligner that --evidence names.",
        ),
    ] = None,
    graphs: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--graphs", metavar="KG1 KG2", help="The graphs that were aligned."),
    ] = None,
    pair: Annotated[
        Path | None, typer.Option("--pair", help="A folder of both graphs, instead.")
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", help="Write one file that needs no network, to open or to send."),
    ] = None,
    serve: Annotated[
        bool,
        typer.Option("--serve", help="Open the page here instead; verdicts are on disk at once."),
    ] = False,
    candidates: Annotated[
        Path | None,
        typer.Option(help="Table of others to choose: source, target and, best, rank or score."),
    ] = None,
    evidence: Annotated[
        Path | None,
        typer.Option(
            help="An aligner that `ibmea align --save` has written: says what each kind of "
            "evidence adds, and names candidates."
        ),
    ] = None,
    verdicts: Annotated[
        Path | None,
        typer.Option(
            help="SSSOM file of verdicts. With --serve it is written and goes on where it stopped "
            "[default: verdicts.sssom.tsv]; with --html it is only read; with --model it is known "
            "to be true, beside the seeds of --evidence."
        ),
    ] = None,
    max_matches: Annotated[
        int,
        typer.Option(min=1, help="Of the file, or for a model: so many, the most doubtful ones."),
    ] = 200,
    author: Annotated[str, typer.Option(help="Your name, in the file of verdicts.")] = "",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 0,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Whether to open a browser.")
    ] = True,
    model: Annotated[
        str | None,
        typer.Option(
            help="Ask a language model instead of a person: its name on the server. What it says "
            "is evidence, weighed by known pairs; no verdicts."
        ),
    ] = None,
    base_url: Annotated[
        str | None,
        typer.Option(help="Of an OpenAI-compatible server, such as http://localhost:11434/v1."),
    ] = None,
    api_key_env: Annotated[
        str | None, typer.Option(help="Environment variable that holds the server's key.")
    ] = None,
    images: Annotated[
        bool, typer.Option("--images", help="Show images to the model, if it sees.")
    ] = False,
    max_calls: Annotated[
        int, typer.Option(min=1, help="Of the model, at most; a pair takes two.")
    ] = 1000,
    opinions: Annotated[
        Path | None,
        typer.Option(
            help="SSSOM file for what the model says.  [default: opinions.sssom.tsv]",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="With --model: the matches with their new confidences, .tsv (SSSOM), .csv, ...",
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Judge matches in a browser, or ask a language model."""
    from ._judged import check_ways
    from ._talk import Talk

    check_ways(
        {"--html FILE": html is not None, "--serve": serve, "--model NAME": model is not None},
        {"--base-url": base_url, "--opinions": opinions, "--output": output},
    )
    if model is not None and base_url is not None:
        from ..featurizers import ChatModel
        from ._opinions import run_opinions

        run_opinions(
            Talk(quiet),
            alignment,
            graphs,
            pair,
            ChatModel(base_url, model, api_key_env=api_key_env),
            questions=questions,
            opinions=opinions or Path("opinions.sssom.tsv"),
            output=output,
            candidates=candidates,
            evidence=evidence,
            verdicts=verdicts,
            max_matches=max_matches,
            images=images,
            max_calls=max_calls,
        )
        return
    from ._review import run_review

    run_review(
        Talk(quiet),
        alignment,
        graphs,
        pair,
        questions=questions,
        html=html,
        serve=serve,
        candidates=candidates,
        evidence=evidence,
        verdicts=verdicts,
        max_matches=max_matches,
        author=author,
        port=port,
        open_browser=browser,
    )


def info(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A graph, a pair of graphs, or an alignment.")
    ],
    json: Annotated[bool, typer.Option("--json", help="Say it as JSON.")] = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Of a pair with links: say what ids, order of rows, values and equal names give "
            "away, too.",
        ),
    ] = False,
) -> None:
    """Say what is in a file or folder: counts, modalities, links.

    Warns of files in a folder that nothing reads.
    """
    from ._contents import show_contents
    from ._talk import Talk

    show_contents(Talk(), path, as_json=json, checks_pair=check)


def convert(
    source: Annotated[
        Path, typer.Argument(metavar="SRC", help="An alignment, a graph, or a pair of graphs.")
    ],
    target: Annotated[
        Path,
        typer.Argument(
            metavar="DST",
            help="For an alignment a file: .tsv (SSSOM), .nt, .csv, .parquet. For graphs a folder.",
        ),
    ],
    table_format: Annotated[
        str, typer.Option("--format", help="Of the tables of graphs: csv, tsv or parquet.")
    ] = "csv",
    min_confidence: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Least confidence of a match of an alignment. [default: 0.9 for .nt, which can't "
            "say how sure a match is; else 0]",
        ),
    ] = None,
    escape_formulas: Annotated[
        bool,
        typer.Option(
            "--escape-formulas",
            help="For CSV and TSV that people open in a spreadsheet: cells that one would run as a "
            "formula begin with an apostrophe. Read back, they are as before.",
        ),
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Write an alignment in another format, or graphs as tables.

    Graphs may be of any format that `ibmea info` knows.
    """
    from ._contents import convert_alignment, convert_graphs
    from ._talk import Talk

    if target.suffix:
        convert_alignment(Talk(quiet), source, target, min_confidence, escape_formulas)
    else:
        convert_graphs(Talk(quiet), source, target, table_format, escape_formulas)


def merge(
    kg1: Annotated[
        Path,
        typer.Argument(
            metavar="KG1",
            help="A graph: RDF, a folder of tables, an MMKG folder. Or a folder of both graphs.",
        ),
    ],
    kg2: Annotated[
        Path | None, typer.Argument(metavar="KG2", help="The other graph, if not in KG1.")
    ] = None,
    *,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="A folder for tables, or a file: .nq (a named graph for each source), .nt, .ttl.",
        ),
    ],
    matches: Annotated[
        Path | None,
        typer.Option(
            help="Which entities are the same: an alignment. [default: the links of the folder of "
            "both graphs]"
        ),
    ] = None,
    min_confidence: Annotated[
        float, typer.Option(help="Matches that are less sure are not used.")
    ] = 0.0,
    ids: Annotated[
        str, typer.Option(help="Whose ids matched entities get: left or right.")
    ] = "left",
    values: Annotated[
        list[str] | None,
        typer.Option(
            "--values",
            metavar="[ATTRIBUTE=]POLICY",
            help="What stays where values differ: both, left, right, first, precise or newest; for "
            "all attributes, or for one (repeatable).  [default: both]",
        ),
    ] = None,
    schema: Annotated[
        Path | None,
        typer.Option(
            help="Unite relations and attributes that mean the same, too, and write which they are "
            "to this file: .tsv (SSSOM), .nt or .ttl (OWL), .csv, .parquet."
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Make one graph out of two, given which entities are the same.

    Every fact keeps its source.
    """
    from ._merging import run_merge
    from ._talk import Talk

    run_merge(
        Talk(quiet),
        (kg1, kg2),
        matches,
        output,
        schema,
        values=values or [],
        ids=ids,
        min_confidence=min_confidence,
    )


# Neither rich help nor rich tracebacks: to import them takes as long as all the rest of --help,
# and what a bug prints should be complete.
app = typer.Typer(
    name="ibmea",
    help="Align two multi-modal knowledge graphs.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _command in (
    demo,
    align,
    align_all,
    deduplicate,
    review,
    merge,
    evaluate,
    compare,
    info,
    convert,
):
    app.command()(guarded(_command))


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ibmea {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_say_version, is_eager=True, help="Say the version."),
    ] = False,
) -> None:
    """Align two multi-modal knowledge graphs."""


def main() -> None:
    """Run the command line of this process.

    Raises
    ------
    SystemExit
        Always. With 0: done; 2: the user's input; 1: a bug of this package; 130: interrupted.

    Examples
    --------
    >>> from ibmea_sklearn.cli import main
    >>> main()  # doctest: +SKIP
    """
    try:
        app()
    except KeyboardInterrupt:  # before or after a command, which has its own guard
        sys.exit(INTERRUPTED)
