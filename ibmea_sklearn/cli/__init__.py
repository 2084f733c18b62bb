"""The command line ``ibmea``."""
