"""One module for each group of pages; each has its `routes`."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from dearly.web.visit import Pages


def groups() -> list[Pages]:
    """The routes of every module here, in the order of their names: no two share a path."""
    found = [import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    return [module.routes for module in found]
