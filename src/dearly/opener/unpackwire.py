"""The records in which the process that unpacks says what is inside: a kind, a length, and so many octets.

    BEGINS name | DATA octets ... | ENDS trouble | ... | END_OF_ALL trouble

A DATA record without octets says only that it goes on. Every length is compared with a cap before it is read.
"""

from __future__ import annotations

import struct

HEAD = struct.Struct(">cI")
BEGINS, DATA, ENDS, END_OF_ALL = b"B", b"D", b"E", b"X"

CHUNK = 256 << 10
"""Most octets of one record."""

LONGEST_NAME = 4_096

DAMAGED, UNSUPPORTED = b"damaged", b"unsupported"
"""Troubles; b"" for none."""
