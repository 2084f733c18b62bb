# What the room hands on: type checkers read it, and __init__.py imports by it, at first use.
from .base import BaseAligner as BaseAligner
from .ibmea import IBMEAAligner as IBMEAAligner
from .paris import PARISAligner as PARISAligner
from .precomputed import PrecomputedAligner as PrecomputedAligner
from .propagation import PropagationAligner as PropagationAligner
from .seeds import SeedFinder as SeedFinder
from .settings import Commonality as Commonality
from .settings import FeatureEncoding as FeatureEncoding
from .settings import GraphEncoding as GraphEncoding
from .settings import Hybrid as Hybrid
from .settings import MarginContrast as MarginContrast
from .settings import ModalityImputation as ModalityImputation
from .settings import Rounds as Rounds
from .settings import Training as Training
from .settings import TripleSteps as TripleSteps
from .tmea import TMEAAligner as TMEAAligner
