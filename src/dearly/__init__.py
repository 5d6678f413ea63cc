"""Dearly: a desk for private, slow, long letters. The rooms and their walls are described in docs/house.md."""

__version__ = "0.1.0"
