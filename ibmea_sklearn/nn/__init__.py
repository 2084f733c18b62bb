"""Torch modules: what an aligner is built of."""

from .commonality import CommonalityFusion
from .fusion import AttentionFusion, ConcatFusion
from .gaussian import FeatureEncoder
from .gcn import GCNEncoder, WeightedEdges
from .gcn_align import GCNAlignNetwork
from .graph_encoder import GraphEncoder
from .ibmea import VariationalNetwork
from .meaformer import CrossModalFusion, MEAformerNetwork
from .sparse import EdgePattern, spmm
from .tmea import TMEANetwork

__all__ = [
    "AttentionFusion",
    "CommonalityFusion",
    "ConcatFusion",
    "CrossModalFusion",
    "EdgePattern",
    "FeatureEncoder",
    "GCNAlignNetwork",
    "GCNEncoder",
    "GraphEncoder",
    "MEAformerNetwork",
    "TMEANetwork",
    "VariationalNetwork",
    "WeightedEdges",
    "spmm",
]
