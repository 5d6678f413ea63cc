"""A certificate taken apart (RFC 9580 10.1), reduced to what its owner signed.

Reading proves every signature with the primary key: what others have added (certifications, floods of forgeries:
A15) is gone before anything else looks. What is kept is bounded in every direction, and is written byte for byte as it
came, in the order it came.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache

from dearly.letter.address import Address
from dearly.letter.errors import Usage
from dearly.seal import keypacket, signature
from dearly.seal.armor import dearmor
from dearly.seal.keypacket import KeyPacket
from dearly.seal.packets import Malformed, Packet, Tag, join, read
from dearly.seal.signature import CERTIFICATIONS, FEATURES, KEY_EXPIRES, KEY_FLAGS, SignaturePacket, proves

MOST_OCTETS = 256 << 10
MOST_USER_IDS = 10
MOST_SUBKEYS = 16
MOST_BINDINGS = 6
"""Of one key or User ID: the first, and the newest. Older letters are judged by the binding that was valid then."""
MOST_REVOCATIONS = 3
LONGEST_USER_ID = 1024

_MAY_SEAL = 0x0C
_SEIPD2 = 0x08
_SEALING_ONLY = frozenset(
    {
        keypacket.RSA_ENCRYPT,
        keypacket.ELGAMAL,
        keypacket.ECDH,
        keypacket.X25519,
        keypacket.X448,
        keypacket.MLKEM768_X25519,
        keypacket.MLKEM1024_X448,
    }
)


@dataclass(frozen=True, slots=True)
class Component:
    """The primary key, a subkey or a User ID with its owner's signatures. `key` is None for a User ID."""

    tag: int
    body: bytes = field(repr=False)
    key: KeyPacket | None
    bindings: tuple[SignaturePacket, ...] = ()
    revocations: tuple[SignaturePacket, ...] = ()

    @property
    def newest(self) -> SignaturePacket | None:
        """The binding that counts now (RFC 9580 5.2.3.10)."""
        return max(self.bindings, key=lambda s: s.created, default=None)

    @property
    def revoked(self) -> bool:
        """Keys stay revoked; a User ID may be bound anew later."""
        if self.key is not None:
            return bool(self.revocations)
        last = max((s.created for s in self.revocations), default=-1)
        return self.newest is None or self.newest.created <= last

    def packets(self) -> Iterator[Packet]:
        """As it is written."""
        yield Packet(self.tag, self.body)
        for one in (*self.revocations, *self.bindings):
            yield Packet(Tag.SIGNATURE, one.lean())


@dataclass(frozen=True, slots=True)
class Certificate:
    """Everything of a certificate that its owner signed."""

    primary: Component
    user_ids: tuple[Component, ...]
    subkeys: tuple[Component, ...]
    encoded: bytes = field(repr=False)
    """Binary, minimal."""

    @classmethod
    def of(cls, primary: Component, user_ids: tuple[Component, ...], subkeys: tuple[Component, ...]) -> Certificate:
        """A certificate of these parts."""
        encoded = join(p for c in (primary, *user_ids, *subkeys) for p in c.packets())
        return cls(primary, user_ids, subkeys, encoded)

    @property
    def key(self) -> KeyPacket:
        """The primary key."""
        assert self.primary.key is not None
        return self.primary.key

    @property
    def fingerprint(self) -> str:
        """Of the primary key, lower-case hex."""
        return self.key.fingerprint.hex()

    @property
    def keys(self) -> tuple[KeyPacket, ...]:
        """The primary key and all subkeys."""
        return tuple(c.key for c in (self.primary, *self.subkeys) if c.key is not None)

    @property
    def names(self) -> tuple[str, ...]:
        """Fingerprints and key ids of all keys."""
        return tuple(name for key in self.keys for name in key.names)

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Those of its User IDs, not withdrawn, that are addresses, each once."""
        named = (address_of(u.body) for u in self.user_ids if not u.revoked)
        return tuple(dict.fromkeys(a for a in named if a is not None))

    def only(self, key: KeyPacket) -> Certificate:
        """The same certificate with this one subkey (or none, for the primary key itself)."""
        return self.of(self.primary, self.user_ids, tuple(c for c in self.subkeys if c.key == key))

    def alone(self, address: Address) -> Certificate:
        """The same certificate as others need it: every key with its newest signature and its revocations, and of the
        User IDs the one with this address, or the one signed last where none has it."""
        live = [u for u in self.user_ids if not u.revoked]
        ours = [u for u in live if (held := address_of(u.body)) is not None and held.same(address)]
        last = max(live, key=lambda u: u.newest.created if u.newest else 0, default=None)
        kept = ours[:1] or ([last] if last is not None else [])
        return self.of(_lean(self.primary), tuple(map(_lean, kept)), tuple(map(_lean, self.subkeys)))

    def sealing_keys(self, now: int) -> list[KeyPacket]:
        """Keys that letters may be sealed to at `now` (Unix seconds), best first: ML-KEM-768, then the newest."""
        live = [c.key for c in self.subkeys if c.key is not None and _seals(c, c.newest, now)]
        if _seals(self.primary, self.main_binding, now):
            live.append(self.key)
        return sorted(live, key=lambda k: (k.algorithm != keypacket.MLKEM768_X25519, -k.created))

    @property
    def seipd2(self) -> bool:
        """Whether its owner says that their program reads SEIPD version 2 (RFC 9580 5.2.3.32). Silence means no."""
        named = (u.newest for u in self.user_ids if u.newest is not None and not u.revoked)
        direct = sorted(self.primary.bindings, key=lambda s: s.created, reverse=True)
        said = [*direct, *sorted(named, key=lambda s: s.created, reverse=True)]
        features = next((f for s in said if (f := s.get(FEATURES)) is not None), b"")
        return bool(features[:1] and features[0] & _SEIPD2)

    @property
    def main_binding(self) -> SignaturePacket | None:
        """The signature that speaks for the primary key: direct, or of the newest User ID."""
        direct = [s for s in self.primary.bindings if s.get(KEY_FLAGS) is not None]
        named = [u.newest for u in self.user_ids if u.newest is not None and not u.revoked]
        return max(direct or named, key=lambda s: s.created, default=None)


def _lean(component: Component) -> Component:
    newest = component.newest
    return replace(component, bindings=() if newest is None else (newest,))


def _seals(component: Component, binding: SignaturePacket | None, now: int) -> bool:
    key = component.key
    if key is None or binding is None or component.revocations:
        return False
    flags = binding.get(KEY_FLAGS)
    if flags is None:
        fit = key.algorithm in _SEALING_ONLY
    else:
        fit = bool(flags[:1] and flags[0] & _MAY_SEAL)
    lasts = binding.number(KEY_EXPIRES)
    return fit and not (lasts and key.created + lasts <= now)


def address_of(user_id: bytes) -> Address | None:
    """The address in a User ID: `Name <address>`, `<address>` or the address alone."""
    text = user_id.decode("utf-8", "replace")
    if text.endswith(">") and "<" in text:
        text = text[text.rindex("<") + 1 : -1]
    try:
        return Address.parse(text)
    except Usage:
        return None


@lru_cache(maxsize=128)
def parse(data: bytes, keep: Address | None = None) -> Certificate:
    """The certificate in `data` (binary or armored). Raises `Malformed`: not exactly one, secret, or too large.

    Of more than `MOST_USER_IDS` User IDs those signed last are kept, and always the one with the address `keep`."""
    if len(data) > 2 * MOST_OCTETS:
        raise Malformed("too large")
    data = dearmor(data)
    if len(data) > MOST_OCTETS:
        raise Malformed("too large")
    packets = [p for p in read(data, most=MOST_OCTETS) if p.tag not in (Tag.TRUST, Tag.MARKER, Tag.PADDING)]
    if not packets or packets[0].tag != Tag.PUBLIC_KEY:
        raise Malformed("not a certificate")
    groups: list[tuple[Packet, list[bytes]]] = []
    for packet in packets:
        if packet.tag == Tag.SIGNATURE:
            groups[-1][1].append(packet.body)
        else:
            groups.append((packet, []))
    primary_key = KeyPacket.read(packets[0].body)
    primary = _component(primary_key, groups[0][0], groups[0][1])
    assert primary is not None
    user_ids: list[Component] = []
    subkeys: list[Component] = []
    for packet, signatures in groups[1:]:
        if packet.tag in (Tag.PUBLIC_KEY, Tag.SECRET_KEY, Tag.SECRET_SUBKEY):
            raise Malformed("more than one certificate, or a secret key")
        component = _component(primary_key, packet, signatures)
        if component is not None:
            (user_ids if packet.tag == Tag.USER_ID else subkeys).append(component)
    return build(primary, user_ids, subkeys, keep)


def build(
    primary: Component, user_ids: Iterable[Component], subkeys: Iterable[Component], keep: Address | None = None
) -> Certificate:
    """A certificate of these parts; parts that occur twice are joined, and all limits hold."""

    def worth(component: Component) -> tuple[bool, int]:
        kept = keep is not None and component.key is None and address_of(component.body) == keep
        return kept, max((s.created for s in (*component.bindings, *component.revocations)), default=0)

    def most(components: Iterable[Component], limit: int) -> tuple[Component, ...]:
        joined: dict[bytes, Component] = {}
        for one in components:
            joined[one.body] = join_components(joined[one.body], one) if one.body in joined else one
        chosen = sorted(joined.values(), key=worth, reverse=True)[:limit]
        return tuple(c for c in joined.values() if c in chosen)

    return Certificate.of(primary, most(user_ids, MOST_USER_IDS), most(subkeys, MOST_SUBKEYS))


def join_components(one: Component, other: Component) -> Component:
    """The same key or User ID with the signatures of both."""
    return replace(
        one,
        bindings=_few((*one.bindings, *other.bindings), MOST_BINDINGS),
        revocations=_few((*one.revocations, *other.revocations), MOST_REVOCATIONS),
    )


def _few(signatures: Iterable[SignaturePacket], limit: int) -> tuple[SignaturePacket, ...]:
    """The oldest and the newest ones, each once, oldest first."""
    once = {(s.head, s.value): s for s in signatures}
    ordered = sorted(once.values(), key=lambda s: s.created)
    return tuple(ordered if len(ordered) <= limit else [ordered[0], *ordered[1 - limit :]])


def _component(primary: KeyPacket, packet: Packet, signatures: list[bytes]) -> Component | None:
    """The part with its proven signatures, or None when it is none, or nothing of it is proven."""
    key: KeyPacket | None = None
    signed: tuple[bytes, ...]
    try:
        match packet.tag:
            case Tag.PUBLIC_KEY:
                key, signed, binds, revokes = (
                    primary,
                    (primary.hashed,),
                    {signature.DIRECT_KEY},
                    signature.KEY_REVOCATION,
                )
            case Tag.PUBLIC_SUBKEY:
                key = KeyPacket.read(packet.body)
                signed = (primary.hashed, key.hashed)
                binds, revokes = {signature.SUBKEY_BINDING}, signature.SUBKEY_REVOCATION
            case Tag.USER_ID if len(packet.body) <= LONGEST_USER_ID:
                signed = (primary.hashed, b"\xb4" + len(packet.body).to_bytes(4, "big"), packet.body)
                binds, revokes = set(CERTIFICATIONS), signature.USER_ID_REVOCATION
            case _:
                return None
    except Malformed:
        return None
    proven = [s for s in _readable(signatures) if proves(s, primary, signed) is not False]
    bindings = _few((s for s in proven if s.kind in binds), MOST_BINDINGS)
    revocations = _few((s for s in proven if s.kind == revokes), MOST_REVOCATIONS)
    if packet.tag != Tag.PUBLIC_KEY and not bindings and not revocations:
        return None
    return Component(packet.tag, packet.body, key, bindings, revocations)


def _readable(bodies: list[bytes]) -> Iterator[SignaturePacket]:
    for body in bodies:
        try:
            yield SignaturePacket.read(body)
        except Malformed:
            continue
