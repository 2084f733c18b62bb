"""Displays and reports of an alignment."""

from .contact_sheet import contact_sheet
from .reliability import ReliabilityDisplay

__all__ = ["ReliabilityDisplay", "contact_sheet"]
