"""Displays and reports of an alignment."""

from .contact_sheet import contact_sheet

__all__ = ["contact_sheet"]
