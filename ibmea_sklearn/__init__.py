"""scikit-learn for multi-modal entity alignment."""

import lazy_loader

# Imported at first use: `ibmea --help` should not wait three seconds for torch and pandas. The
# names stand in the stub beside this file.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__version__ = "0.1.0"
