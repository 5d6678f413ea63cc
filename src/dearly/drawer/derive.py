"""A short-lived child that turns a passphrase into a key (Argon2id, RFC 9106) and ends.

Python cannot wipe memory: whatever held the passphrase during the long computation is gone with this process. It is
given one line of JSON and the prepared passphrase on standard input, and answers on standard output:

    {"do": "derive", "salt": hex, "memory_kib": n, "passes": n, "lanes": n}   ->  32 octets
    {"do": "calibrate"}                                                       ->  {"memory_kib": ..., ...}

Run as `python -I -m dearly.drawer.derive`; the module imports nothing else of ours, so that it starts in 50 ms.
"""

from __future__ import annotations

import json
import resource
import sys
import time

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

NO_MEMORY = 3
"""Exit code: this machine does not have the memory that the slot asks for."""

GOAL_SECONDS = 0.5
FLOOR_KIB, FLOOR_PASSES, LANES = 64 * 1024, 3, 4
"""RFC 9106 4, second recommended option."""
WISH_KIB = 256 * 1024


def derive(passphrase: bytes, salt: bytes, memory_kib: int, passes: int, lanes: int) -> bytes:
    """32 octets. Raises MemoryError."""
    kdf = Argon2id(salt=salt, length=32, iterations=passes, lanes=lanes, memory_cost=memory_kib)
    return kdf.derive(passphrase)


def calibrate() -> dict[str, int]:
    """Parameters that take about half a second here, never below the floor: memory first, then passes.

    Takes two trial runs. A machine that cannot spare the memory keeps to the floor."""
    memory, passes = FLOOR_KIB, FLOOR_PASSES
    took = _seconds(memory, passes)
    while memory < WISH_KIB and took * 2 <= GOAL_SECONDS:
        try:
            doubled = _seconds(memory * 2, passes)
        except MemoryError:
            break
        if doubled > GOAL_SECONDS * 1.5:
            break
        memory, took = memory * 2, doubled
    passes = max(passes, min(16, round(passes * GOAL_SECONDS / took)))
    return {"memory_kib": memory, "passes": passes, "lanes": LANES}


def _seconds(memory_kib: int, passes: int) -> float:
    begun = time.perf_counter()
    derive(b"calibration", bytes(16), memory_kib, passes, LANES)
    return time.perf_counter() - begun


def main() -> int:
    """Answer one request. The exit code is 0, or NO_MEMORY."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    order, _line_end, passphrase = sys.stdin.buffer.read().partition(b"\n")
    asked = json.loads(order)
    try:
        if asked["do"] == "calibrate":
            answer = json.dumps(calibrate()).encode()
        else:
            answer = derive(
                passphrase, bytes.fromhex(asked["salt"]), asked["memory_kib"], asked["passes"], asked["lanes"]
            )
    except MemoryError:
        return NO_MEMORY
    sys.stdout.buffer.write(answer)
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
