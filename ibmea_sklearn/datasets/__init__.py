"""Pairs of knowledge graphs: shipped, fetched, made."""
