"""What every room may use, and what knows nothing of alignment."""

from . import validation as validation
