"""Displays and reports."""
