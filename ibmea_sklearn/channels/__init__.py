"""What entities are compared by: channels, their weights, calibration, the search for pairs."""

import lazy_loader

# The names stand in the stub beside this file: who needs one of them imports no other.
__getattr__, __dir__, _ = lazy_loader.attach_stub(__name__, __file__)
__all__ = ["AlignmentWarning"]  # the others are for the package itself
