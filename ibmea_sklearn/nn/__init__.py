"""Torch modules: what an aligner is built of."""
