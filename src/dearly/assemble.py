"""The only place that picks concrete carriers, office, clock and chance, and owns the event loop's lifetime."""
