"""One loss a file; torch only."""
