"""supervision out, imported in half of the time: without SciPy, which it brings for what nobody calls here.

`sv` is all of supervision; SciPy is imported when one of those functions is called after all.
"""

import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

LATER = "scipy.interpolate", "scipy.spatial"  # half of supervision's imports: for traces and COCO masks


class _Later(ModuleType):
    """A module of which only functions are asked for, imported when one of them is called."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)

        def call(*given: Any, **named: Any) -> Any:
            return getattr(importlib.import_module(self.__name__), name)(*given, **named)

        return call


_put = [name for name in LATER if name not in sys.modules]
sys.modules.update({name: _Later(name) for name in _put})
try:
    import supervision as sv
finally:
    for _name in _put:
        del sys.modules[_name]  # whoever else imports it gets it

__all__ = ["sv"]
