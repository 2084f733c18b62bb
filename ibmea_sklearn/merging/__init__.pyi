# What the room hands on: type checkers read it, and __init__.py imports by it, at first use.
from .join_alignments import JoinedAlignments as JoinedAlignments
from .join_alignments import join_alignments as join_alignments
from .merge import merge as merge
from .result import Merged as Merged
from .schema import align_schema as align_schema
from .schema_files import write_schema as write_schema
