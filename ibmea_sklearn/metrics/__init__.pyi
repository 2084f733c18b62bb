# What the room hands on: type checkers read it, and __init__.py imports by it, at first use.
from ._alignment import precision_recall_f1 as precision_recall_f1
from ._calibration import expected_calibration_error as expected_calibration_error
from ._calibration import judged as judged
from ._ranks import hits_at_k as hits_at_k
from ._ranks import mean_rank as mean_rank
from ._ranks import mean_reciprocal_rank as mean_reciprocal_rank
from ._scorers import calibration_error_scorer as calibration_error_scorer
from ._scorers import f1_scorer as f1_scorer
from ._scorers import get_scorer as get_scorer
from ._scorers import hits_at_1_scorer as hits_at_1_scorer
from ._scorers import hits_at_5_scorer as hits_at_5_scorer
from ._scorers import hits_at_10_scorer as hits_at_10_scorer
from ._scorers import mean_rank_scorer as mean_rank_scorer
from ._scorers import mean_reciprocal_rank_scorer as mean_reciprocal_rank_scorer
from ._scorers import precision_scorer as precision_scorer
from ._scorers import recall_scorer as recall_scorer
