# What the room hands on: type checkers read it, and __init__.py imports by it, at first use.
from .checks import PairCheck as PairCheck
from .checks import check_pair as check_pair
from .comparison import Comparison as Comparison
from .one_run import evaluate as evaluate
from .protocol import Protocol as Protocol
from .split import Split as Split
from .split import split_links as split_links
from .table import compare as compare
