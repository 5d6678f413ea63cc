"""The only place that picks concrete carriers, office, clock and chance, and owns the event loop's lifetime.

`app` gives the faces their factories. `owner` is the process that holds a drawer open and serves the others.
"""

from dearly.assemble.app import app, hold_open

__all__ = ["app", "hold_open"]
