"""Names of modalities and channels that the package itself gives."""

__all__ = ["FUSED", "GRAPH", "NETWORK", "PROPAGATION"]

# The modality of the relation triples: the only one that is no feature.
GRAPH = "graph"
# Features that LabelPropagation makes.
PROPAGATION = "propagation"
# All channels side by side, weighed.
FUSED = "fused"
# The channel of what a network makes of all modalities.
NETWORK = "network"
