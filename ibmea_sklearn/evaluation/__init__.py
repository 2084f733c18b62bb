"""Figures under a protocol that is said: one run, a table of aligners, checks of the data."""

import lazy_loader

# The names stand in the stub beside this file: who needs one of them imports no other.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
