"""The only place that picks concrete carriers, office, clock and chance, and owns the event loop's lifetime.

`app` gives the faces their factories. `process` is the one process of a drawer, which serves the others.
"""

from dearly.assemble.app import app, hold_open, stand_by

__all__ = ["app", "hold_open", "stand_by"]
