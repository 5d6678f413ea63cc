"""The records in which the process that unpacks says what is inside: a kind, a length, and so many octets.

    BEGINS name | DATA octets ... | ENDS trouble | ... | END_OF_ALL trouble

A DATA record without octets says only that it goes on. Every length is compared with a cap before it is read.

Where the packed file is no file of the system, its octets are asked for the other way: SIZE is said once, and each
WANTED (where, how many) is answered by just so many octets.
"""

from __future__ import annotations

import struct

HEAD = struct.Struct(">cI")
BEGINS, DATA, ENDS, END_OF_ALL = b"B", b"D", b"E", b"X"

CHUNK = 256 << 10
"""Most octets of one record."""

SIZE, WANTED = struct.Struct(">Q"), struct.Struct(">QI")

LONGEST_NAME = 4_096

DAMAGED, UNSUPPORTED = b"damaged", b"unsupported"
"""Troubles; b"" for none."""
