# What the room hands on: type checkers read it, and __init__.py imports by it, at first use.
from ._assign import assign as assign
from ._blocker import Blocker as Blocker
from ._functions import candidate_similarities as candidate_similarities
from ._functions import csls as csls
from ._functions import mutual_nearest as mutual_nearest
from ._functions import ranks as ranks
from ._functions import top_k as top_k
from ._matching import Matching as Matching
from ._sinkhorn import sinkhorn as sinkhorn
