# What the room hands on: type checkers read it, and __init__.py imports by it, at first use.
from ._estimators import fitted_attributes as fitted_attributes
from ._estimators import load_estimator as load_estimator
from ._estimators import save_estimator as save_estimator
from ._state_file import FORMAT_VERSION as FORMAT_VERSION
from ._state_file import StateFile as StateFile
from ._state_file import to_json as to_json
from ._state_file import write_state as write_state
