"""The keyholder's face to the desk: one process that holds our key, parses no mail, and seals and unlocks for us.

The secret leaves the desk's process for it over a pipe, at each of its starts, and is dropped there again; what comes
back are session keys and sealed letters. Long sealing never stops the desk's loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from dearly.letter.errors import DearlyError, Refused
from dearly.letter.words import _
from dearly.opener.limits import REQUEST_SECONDS
from dearly.opener.process import Child, Lost
from dearly.opener.protocol import LARGEST_PKESK, MOST_PKESKS, How, In, Operation, Out
from dearly.opener.protocol_keys import OLD_KEY, OWN, SEAL, SESSION_KEYS, OldKeyRead, SealThis, SecretFile
from dearly.seal.values import Sealed, SealPlan, SessionKey

LARGEST_SEALED = 80 << 20
"""Octets that are sealed at once: the largest letter that `content` allows, in base64, and room to spare."""

LARGEST_SECRET = 1 << 20
"""Octets of a file with a secret key."""

Own = Callable[[], Awaitable[bytes]]
"""Our key as `OwnKey.to_bytes` gives it, from the drawer; behind it those that only open old letters any more: retired
ones of ours, and `OldKey`s of other programs."""

_MODULE = "dearly.opener.keychild"


class Keyholder:
    """One process with our key; started when it is first needed, and again when it ended.

    `own` is asked at each start, so that nothing here keeps the secret."""

    def __init__(self, own: Own, *, languages: Sequence[str] = ()) -> None:
        self._own = own
        self._languages = languages
        self._turn = asyncio.Lock()
        self._child: Child | None = None
        self._closed = False

    async def start(self) -> str:
        """Start it now. The fingerprint of our key. Raises `Damaged` (own_key_damaged)."""
        async with self._turn:
            return await self._start()

    async def ready(self) -> None:
        """Start it now unless it runs already, so that the first letter need not wait for it. Raises as `start`."""
        async with self._turn:
            if self._child is None or not self._child.usable:
                await self._start()

    async def forget(self) -> None:
        """End the process; the next request starts one with the key of then. For when our key has changed."""
        async with self._turn:
            await self._drop()

    async def close(self) -> None:
        """End the process, and with it its copy of the key."""
        self._closed = True
        async with self._turn:
            await self._drop()

    async def __aenter__(self) -> Keyholder:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def session_keys(self, pkesks: Sequence[bytes]) -> tuple[SessionKey, ...]:
        """The session keys that our subkeys give for these PKESK bodies (RFC 9580 5.1); none for more than 64 bodies
        or one above 8 KiB. Raises `DearlyError` (keyholder_ended)."""
        if len(pkesks) > MOST_PKESKS or any(len(pkesk) > LARGEST_PKESK for pkesk in pkesks):
            return ()
        return await self._call(SESSION_KEYS, tuple(pkesks))

    async def seal(self, data: bytes, plan: SealPlan) -> Sealed:
        """`data` signed by us and sealed, as `seal.openpgp.seal` does and raises; `Refused` (too_large) beforehand."""
        if len(data) > LARGEST_SEALED:
            raise Refused(
                "too_large",
                _("This letter is too large to be sealed."),
                _("Enclose fewer or smaller files, or send them in several letters."),
            )
        return await self._call(SEAL, SealThis(data, plan))

    async def read_old_key(self, data: bytes, passphrase: str | None) -> OldKeyRead:
        """A secret key of another program, proven and without its protection, to be kept in the drawer. Raises as
        `seal.oldkeys.import_key`, `Refused` (too_large)."""
        if len(data) > LARGEST_SECRET:
            raise Refused("too_large", _("This file is too large to be a key."))
        return await self._call(OLD_KEY, SecretFile(data, passphrase))

    async def _call(self, operation: Operation[In, Out], value: In) -> Out:
        async with self._turn:
            for last_try in (False, True):
                if self._child is None or not self._child.usable:
                    await self._start()
                assert self._child is not None
                try:
                    return await self._child.call(operation, value, seconds=REQUEST_SECONDS)
                except Lost as lost:
                    await self._drop()
                    if lost.took or last_try:
                        raise _ended(lost.how) from None
        raise AssertionError("unreachable")

    async def _start(self) -> str:
        if self._closed:
            raise DearlyError("keyholder_closed", _("The desk is closing."))
        await self._drop()
        try:
            child = await Child.start(_MODULE, languages=self._languages)
        except (Lost, OSError):
            raise _ended(How.ENDED) from None
        try:
            fingerprint = await child.call(OWN, await self._own(), seconds=REQUEST_SECONDS)
        except Lost as lost:
            raise _ended(lost.how) from None
        except BaseException:
            await child.close()
            raise
        self._child = child
        return fingerprint

    async def _drop(self) -> None:
        if self._child is not None:
            child, self._child = self._child, None
            await child.close()


def _ended(how: How) -> DearlyError:
    if how in (How.TIME, How.SILENT, How.MEMORY):
        return Refused("too_large", _("This is more than the process that holds your key may work on."))
    return DearlyError(
        "keyholder_ended",
        _("The process that holds your key ended before it was done."),
        _("Nothing is lost. Try again."),
        retry=True,
    )
