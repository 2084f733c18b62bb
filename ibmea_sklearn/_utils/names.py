"""Names of modalities and channels that the package itself gives."""

__all__ = ["FUSED", "GRAPH", "NAME", "NETWORK", "PROPAGATION", "SCHEMA", "diffused"]

# The modality of the relation triples: the only one that is no feature.
GRAPH = "graph"
# What entities are called.
NAME = "name"
# Features that LabelPropagation makes.
PROPAGATION = "propagation"
# The channel of facts that agree, by relations that mean the same.
SCHEMA = "schema"
# All channels side by side, weighed.
FUSED = "fused"
# The channel of what a network makes of all modalities.
NETWORK = "network"

_DIFFUSED = "diffused_"


def diffused(modality: str) -> str:
    """Call a modality that was sent along the relations."""
    return _DIFFUSED + modality


def is_diffused(name: str) -> bool:
    """Tell whether a modality was sent along the relations."""
    return name.startswith(_DIFFUSED)
