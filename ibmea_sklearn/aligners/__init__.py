"""Estimators that align two knowledge graphs."""

from .base import BaseAligner, Sides
from .ibmea import IBMEAAligner
from .propagation import PropagationAligner

__all__ = ["BaseAligner", "IBMEAAligner", "PropagationAligner", "Sides"]
