"""The command ``ibmea``."""

from ._app import app as app
from ._app import main as main

__all__ = ()  # what a user runs is a command
