"""Values of any nesting in one safetensors file, without pickle: models and checkpoints."""

from ._codec import to_json
from ._state_file import FORMAT_VERSION, StateFile, write_state

__all__ = ["FORMAT_VERSION", "StateFile", "to_json", "write_state"]
