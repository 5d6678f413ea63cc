"""The Unix socket by which the process that owns a drawer serves the command line."""
