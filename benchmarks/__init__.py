"""How fast and how small, each figure against a reference of the same run: python -m benchmarks."""
