"""Readers and writers, one format a file."""

from .alignments import read_alignment, read_pairs, write_alignment
from .dbp15k import read_dbp15k
from .literals import parse_literal, parse_number, split_literal, typed_literal
from .mmkg import read_image_index, read_mmkg
from .openea import read_openea, read_openea_splits
from .rdf import read_rdf
from .recognise import Contents, describe, read_graph, read_pair
from .tables import read_tables, write_graph

__all__ = [
    "Contents",
    "describe",
    "parse_literal",
    "parse_number",
    "read_alignment",
    "read_dbp15k",
    "read_graph",
    "read_image_index",
    "read_mmkg",
    "read_openea",
    "read_openea_splits",
    "read_pair",
    "read_pairs",
    "read_rdf",
    "read_tables",
    "split_literal",
    "typed_literal",
    "write_alignment",
    "write_graph",
]
