"""Readers and writers, one format a file."""

from ._text import to_iri
from .alignments import read_alignment, read_pairs, write_alignment
from .dbp1m import read_dbp1m
from .dbp15k import read_dbp15k, read_dbp15k_splits
from .embeddings import embeddings_from_frame
from .mmkg import read_mmkg
from .neo4j import read_neo4j
from .networks import from_networkx, from_pykeen, to_networkx, to_pykeen
from .openea import read_openea, read_openea_splits
from .opinions import read_opinions, write_opinions
from .rdf import read_rdf
from .recognise import read_graph, read_graphs, read_pair, recognise_format, write_pair
from .sparql import read_sparql
from .tables import read_tables, write_graph
from .unread import unread_files
from .verdict_file import VerdictFile
from .verdicts import read_verdicts, write_verdicts

__all__ = [
    "VerdictFile",
    "embeddings_from_frame",
    "from_networkx",
    "from_pykeen",
    "read_alignment",
    "read_dbp1m",
    "read_dbp15k",
    "read_dbp15k_splits",
    "read_graph",
    "read_graphs",
    "read_mmkg",
    "read_neo4j",
    "read_openea",
    "read_openea_splits",
    "read_opinions",
    "read_pair",
    "read_pairs",
    "read_rdf",
    "read_sparql",
    "read_tables",
    "read_verdicts",
    "recognise_format",
    "to_iri",
    "to_networkx",
    "to_pykeen",
    "unread_files",
    "write_alignment",
    "write_graph",
    "write_opinions",
    "write_pair",
    "write_verdicts",
]
