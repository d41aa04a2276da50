"""onnxruntime, imported without its telemetry.

Its wheels for Linux write a device id and a database below ~/.cache/Microsoft when they are imported, and
send events to their maker some seconds later, unless this variable is set by then.
"""

from __future__ import annotations

import importlib
import os
from types import ModuleType


def import_onnxruntime(name: str = "onnxruntime") -> ModuleType:
    """Import it, which takes half a second. Raises ImportError, and whatever a broken one raises."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    return importlib.import_module(name)
