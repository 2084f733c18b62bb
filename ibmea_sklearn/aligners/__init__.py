"""Estimators that align two knowledge graphs."""

from .base import BaseAligner, Sides
from .ibmea import IBMEAAligner

__all__ = ["BaseAligner", "IBMEAAligner", "Sides"]
