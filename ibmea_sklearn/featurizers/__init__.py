"""Transformers from a view to a view with features."""
