"""Metrics of ranks and confidences, and scorers for scikit-learn's searches and cross-validation.

Metrics of ranks take the ranks of the true targets, as :func:`ibmea_sklearn.matching.ranks` and the
`rank` method of every aligner return them: 1 is best, and a tie counts half.
"""

import lazy_loader

# The names stand in the stub beside this file: who needs one of them imports no other.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
