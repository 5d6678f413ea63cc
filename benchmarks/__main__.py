"""Every benchmark, one after another: `python -m benchmarks`, or `make bench`. They print ratios and judge nothing."""

from __future__ import annotations

import importlib
import platform
import sys

NAMES = ("startup", "seal", "posting", "office", "mail", "archive", "web_typing", "web_pages", "web_memory")


def main() -> None:
    """Run them all, or those named."""
    print(f"{platform.platform()}, Python {platform.python_version()}")
    names, sys.argv[1:] = sys.argv[1:] or NAMES, []  # each reads options of its own
    for name in names:
        print(f"\n{name}")
        importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
