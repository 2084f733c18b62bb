"""Estimators that align two knowledge graphs."""
