"""Who is at the other end of a Unix socket, as the kernel says."""

from __future__ import annotations

import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket


def peer_uid(sock: socket) -> int:
    """The effective user id of the process at the other end when it connected (or began to listen).

    Raises `OSError` where the kernel does not say."""
    if sys.platform == "darwin":
        # unix(4): getsockopt(SOL_LOCAL = 0, LOCAL_PEERCRED = 1) gives struct xucred: version 0, then the uid.
        version, uid = struct.unpack_from("=II", sock.getsockopt(0, 1, 76))
        if version != 0:
            raise OSError("unknown xucred version")
        return int(uid)
    # unix(7): SO_PEERCRED gives struct ucred: pid, uid, gid.
    from _socket import SO_PEERCRED, SOL_SOCKET  # `socket` imports ten more, at every command

    _pid, uid, _gid = struct.unpack("3i", sock.getsockopt(SOL_SOCKET, SO_PEERCRED, struct.calcsize("3i")))
    return int(uid)
