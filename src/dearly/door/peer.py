"""Who is at the other end of a Unix socket, as the kernel says."""

from __future__ import annotations

import socket
import struct
import sys


def peer_uid(sock: socket.socket) -> int:
    """The effective user id of the process at the other end when it connected (or began to listen).

    Raises `OSError` where the kernel does not say."""
    if sys.platform == "darwin":
        # unix(4): getsockopt(SOL_LOCAL = 0, LOCAL_PEERCRED = 1) gives struct xucred: version 0, then the uid.
        version, uid = struct.unpack_from("=II", sock.getsockopt(0, 1, 76))
        if version != 0:
            raise OSError("unknown xucred version")
        return int(uid)
    # unix(7): SO_PEERCRED gives struct ucred: pid, uid, gid.
    _pid, uid, _gid = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    return int(uid)
