"""Torch modules: what an aligner is built of."""

from .commonality import CommonalityFusion
from .fusion import AttentionFusion, ConcatFusion
from .gaussian import FeatureEncoder
from .graph_encoder import GraphEncoder
from .ibmea import VariationalNetwork
from .sparse import EdgePattern, spmm
from .tmea import TMEANetwork

__all__ = [
    "AttentionFusion",
    "CommonalityFusion",
    "ConcatFusion",
    "EdgePattern",
    "FeatureEncoder",
    "GraphEncoder",
    "TMEANetwork",
    "VariationalNetwork",
    "spmm",
]
