"""The key slots: what the files `keys` and `keys.2` hold, and how a passphrase opens them.

A slot is the data key, wrapped by a key that Argon2id makes of the passphrase. The wrapping covers as associated data
everything that says what the slot is: format, version, cipher, drawer, number and cost; so no slot can be moved
to another drawer or passed off as another kind. Both files hold the same. They are JSON text: what can be read of them
without the passphrase is the drawer's random uid, the cost settings, and how often the slots were rewritten.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from dearly.drawer.connection import CIPHER, DataKey
from dearly.drawer.derive import FLOOR_KIB, FLOOR_PASSES, NO_MEMORY, derive
from dearly.letter.errors import Damaged, DearlyError, Locked, MadeByNewer, NoSpace, Refused
from dearly.letter.words import _

FORMAT, VERSION = "dearly-keys", 1
LARGEST_FILE = 64 * 1024
MOST_KIB, MOST_PASSES, MOST_LANES, MOST_SLOTS = 1024 * 1024, 16, 8, 2
"""Caps on reading: a foreign slots file may not make us work for hours or eat the memory."""

GIVEN = 0
"""In place of a slot's number, which counts from 1: the key came from elsewhere."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """What one derivation costs (RFC 9106 3.1): memory in KiB, passes, lanes."""

    memory_kib: int
    passes: int
    lanes: int


@dataclass(frozen=True, slots=True)
class SlotCost(Parameters):
    """A cost that a new slot may have. Raises `Refused` (cost_too_low) below 64 MiB and three passes."""

    def __post_init__(self) -> None:
        if self.memory_kib < FLOOR_KIB or self.passes < FLOOR_PASSES:
            raise Refused(
                "cost_too_low",
                _("A passphrase protected that cheaply could be guessed."),
                _("Use at least {mib} MiB and {passes} passes.").format(mib=FLOOR_KIB // 1024, passes=FLOOR_PASSES),
            )


@dataclass(frozen=True, slots=True)
class Slot:
    """One wrapped data key. While the data key is being renewed there are two: one for the old key, one for the new."""

    number: int
    cost: Parameters
    salt: bytes
    nonce: bytes
    wrapped: bytes


@dataclass(frozen=True, slots=True)
class Slots:
    """The content of a slots file. `revision` grows with every rewriting: of two copies the higher one is newer.

    `head`: the chain's head when the drawer was last locked, sealed under the data key (`seal_record`), or b""."""

    uid: str
    revision: int
    slots: tuple[Slot, ...]
    head: bytes = field(default=b"", repr=False)
    cipher: str = CIPHER


@dataclass(frozen=True, slots=True)
class Unlocked:
    """What a passphrase opened: the slots it fits, and the key in each of them, by the slot's number.

    One of the keys is the database's; there is more than one only where a renewal was cut short. Without a passphrase
    (`given`: the key itself was brought) the slots may be None, and the number is `GIVEN`."""

    slots: Slots | None
    keys: dict[int, DataKey] = field(repr=False)
    given: bool = False


def new_key() -> DataKey:
    """A fresh random data key."""
    return DataKey(os.urandom(32))


def calibrate() -> SlotCost:
    """The cost for new slots on this machine: about half a second, never below the floor. Takes about a second."""
    return SlotCost(**json.loads(_child({"do": "calibrate"}, b"")))


def wrap(uid: str, number: int, key: DataKey, passphrase: bytes, cost: SlotCost) -> Slot:
    """A slot in which the prepared `passphrase` wraps `key`. Takes as long as `cost` says."""
    bare = Slot(number, Parameters(**asdict(cost)), os.urandom(16), os.urandom(12), b"")
    wrapping = ChaCha20Poly1305(_derive(passphrase, bare))
    return replace(bare, wrapped=wrapping.encrypt(bare.nonce, key, _bound(uid, CIPHER, bare)))


def unlock(copies: list[Slots], passphrase: bytes, how: Callable[[bytes, Slot], bytes] | None = None) -> Unlocked:
    """Open the first copy that the prepared `passphrase` fits. `how` to derive: in a child, where nothing else is said.

    Raises `Locked` (wrong_passphrase), always in the same words."""
    derived: dict[tuple[bytes, Parameters], bytes] = {}

    def opened(copy: Slots, slot: Slot) -> DataKey | None:
        asked = (slot.salt, slot.cost)
        if asked not in derived:
            derived[asked] = (how or _derive)(passphrase, slot)
        try:
            bound = _bound(copy.uid, copy.cipher, slot)
            return DataKey(ChaCha20Poly1305(derived[asked]).decrypt(slot.nonce, slot.wrapped, bound))
        except InvalidTag:
            return None

    for copy in copies:
        keys = {slot.number: key for slot in copy.slots if (key := opened(copy, slot)) is not None}
        if keys:
            return Unlocked(copy, keys)
    raise wrong_passphrase()


def wrong_passphrase() -> Locked:
    """The one answer to every passphrase that opens nothing."""
    return Locked(
        "wrong_passphrase",
        _("This passphrase does not open the drawer."),
        _("Try again; the recovery kit opens it without a passphrase."),
    )


def encode(slots: Slots) -> bytes:
    """The bytes of a slots file."""
    content: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "cipher": slots.cipher,
        "drawer": slots.uid,
        "revision": slots.revision,
        "slots": [
            {
                "number": s.number,
                "kdf": "argon2id",
                **asdict(s.cost),
                "salt": _text(s.salt),
                "nonce": _text(s.nonce),
                "wrapped": _text(s.wrapped),
            }
            for s in slots.slots
        ],
        "head": _text(slots.head),
    }
    return (json.dumps({**content, "sum": _sum(content)}, indent=1) + "\n").encode()


def decode(data: bytes) -> Slots:
    """The slots in a file's bytes. Raises `Damaged` (slots_damaged), or `MadeByNewer`."""
    try:
        content = json.loads(data) if len(data) <= LARGEST_FILE else {}
        if content.pop("sum") != _sum(content) or content["format"] != FORMAT:
            raise slots_damaged()
        if content["version"] > VERSION or content["cipher"] != CIPHER:
            raise MadeByNewer(
                "slots_newer",
                _("This drawer's keys were written by a newer version of Dearly."),
                _("Open it with that version, or a later one."),
            )
        found = tuple(_slot(entry) for entry in content["slots"])
        uid = content["drawer"]
        if not found or len(found) > MOST_SLOTS or len(bytes.fromhex(uid)) != 16:
            raise slots_damaged()
        return Slots(uid, int(content["revision"]), found, _octets(content["head"]), content["cipher"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise slots_damaged() from None


def slots_damaged() -> Damaged:
    """The error when no copy of the slots can be used."""
    return Damaged(
        "slots_damaged",
        _("The drawer's keys are damaged in both of their copies; the letters themselves are not touched by that."),
        _("Open the drawer with the recovery kit, or take the keys from a backup."),
    )


def subkey(key: DataKey, purpose: bytes) -> bytes:
    """A key for one purpose, made of the data key (RFC 5869 2.3)."""
    return HKDFExpand(SHA256(), 32, b"dearly drawer: " + purpose).derive(key)


def seal_record(key: DataKey, uid: str, record: bytes) -> bytes:
    """A small record that only the holder of the data key can write or read: nonce and ciphertext."""
    nonce = os.urandom(12)
    return nonce + ChaCha20Poly1305(subkey(key, b"record")).encrypt(nonce, record, bytes.fromhex(uid))


def open_record(key: DataKey, uid: str, sealed: bytes) -> bytes | None:
    """What `seal_record` sealed for this drawer, or None."""
    try:
        return ChaCha20Poly1305(subkey(key, b"record")).decrypt(sealed[:12], sealed[12:], bytes.fromhex(uid))
    except (InvalidTag, ValueError):
        return None


def _slot(entry: dict[str, Any]) -> Slot:
    cost = Parameters(int(entry["memory_kib"]), int(entry["passes"]), int(entry["lanes"]))
    slot = Slot(
        int(entry["number"]),
        cost,
        _octets(entry["salt"]),
        _octets(entry["nonce"]),
        _octets(entry["wrapped"]),
    )
    within = (
        1 <= cost.lanes <= MOST_LANES
        and 1 <= cost.passes <= MOST_PASSES
        and 8 * cost.lanes <= cost.memory_kib <= MOST_KIB
        and entry["kdf"] == "argon2id"
        and (len(slot.salt), len(slot.nonce), len(slot.wrapped)) == (16, 12, 48)
    )
    if not within:
        raise slots_damaged()
    return slot


def _bound(uid: str, cipher: str, slot: Slot) -> bytes:
    what = [FORMAT, VERSION, cipher, uid, slot.number, "argon2id", asdict(slot.cost), slot.salt.hex()]
    return json.dumps(what, separators=(",", ":"), sort_keys=True).encode()


def _derive(passphrase: bytes, slot: Slot) -> bytes:
    key = _child({"do": "derive", "salt": slot.salt.hex(), **asdict(slot.cost)}, passphrase)
    if len(key) != 32:
        raise _child_failed()
    return key


def derived_here(passphrase: bytes, slot: Slot) -> bytes:
    """The key that the prepared `passphrase` gives with this slot's cost, for a process that ends as soon as a child of
    its would. Raises `NoSpace` (no_memory)."""
    cost = slot.cost
    try:
        return derive(passphrase, slot.salt, cost.memory_kib, cost.passes, cost.lanes)
    except MemoryError:
        raise _no_memory() from None


def _child(order: dict[str, Any], passphrase: bytes) -> bytes:
    import subprocess

    # An empty environment and -I: nothing of the caller's can make the child load or write anything else.
    ended = subprocess.run(
        [sys.executable, "-I", "-m", "dearly.drawer.derive"],
        input=json.dumps(order).encode() + b"\n" + passphrase,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
        check=False,
        timeout=600,
    )
    if ended.returncode == NO_MEMORY:
        raise _no_memory()
    if ended.returncode:
        raise _child_failed()
    return ended.stdout


def _no_memory() -> NoSpace:
    return NoSpace(
        "no_memory",
        _("This machine does not have the memory that the passphrase of this drawer asks for."),
        _("Close other programs, or open the drawer on a larger machine."),
        retry=True,
    )


def _child_failed() -> DearlyError:
    return DearlyError("derivation_failed", _("The helper that works out the key from the passphrase did not finish."))


def _sum(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, separators=(",", ":"), sort_keys=True).encode()).hexdigest()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _octets(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
