"""The line to an IMAP server: signing in, and the few commands that are used (RFC 9051, RFC 3501), over IMAPClient.

Everything here blocks, for a thread of its own. What is asked is bounded (`imapwire`), and whatever the library throws
comes out as `Broken`, `Declined`, or a `DearlyError` that a person can act upon. Referrals (RFC 2221) are never
followed, a server that greets as if we were signed in already (PREAUTH) is refused, and its alerts are not shown (A23).
"""

from __future__ import annotations

import imaplib
import logging
import re
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date
from typing import Any

import imapclient  # type: ignore[import-untyped]  # it ships no types

from dearly.carriers.base import MOST_HEAD, said
from dearly.carriers.mail import tls
from dearly.carriers.mail.imapvalues import Broken, Declined, Standing
from dearly.carriers.mail.imapwire import MOST_LINE, Wire
from dearly.carriers.mail.plan import FIELDS, above, measure
from dearly.letter.account import Security, Server
from dearly.letter.errors import CarrierTrouble, DearlyError
from dearly.letter.words import _

# The library writes whole letters, and passwords sent as literals, into its log for debugging.
logging.getLogger("imapclient").setLevel(logging.CRITICAL + 1)

_HEADER = f"BODY.PEEK[HEADER.FIELDS ({' '.join(FIELDS).upper()})]"
_CODE = re.compile(rb"\[([A-Za-z0-9-]+)[^\]\r\n]*\] ?")
_UIDS = re.compile(rb"[0-9:,]{1,65536}\Z")
_MOST_COPIED = 1_000


class _Client(imapclient.IMAPClient):  # type: ignore[misc]  # it ships no types
    """The library's client over our wire."""

    def __init__(self, server: Server, context: ssl.SSLContext | None, patience: float, line: Line) -> None:
        self._made = (server, context, patience, line)
        super().__init__(server.host.strip("[]"), server.port, ssl=server.security is Security.TLS, timeout=patience)
        self.wire.debug = 0  # the library sets it to 5, and then formats every line twice

    def _create_IMAP4(self) -> Wire:  # noqa: N802 (the library's name)
        server, context, patience, line = self._made
        wire = Wire.__new__(Wire)
        line.wire = wire  # before it connects, so that `Line.cut` can end that too
        wire.__init__(server, context, patience)  # type: ignore[misc]  # it was made just now
        return wire

    @property
    def wire(self) -> Wire:
        wire = self._imap
        assert isinstance(wire, Wire)
        return wire


class Line:
    """One connection, from `open` to `close`. `at`: the mailbox one stands in."""

    def __init__(self, server: Server, context: ssl.SSLContext | None, patience: float) -> None:
        """`context`: verifying; None only where the line is plain. `patience`: seconds to wait for the next octets."""
        self.server, self._context, self._patience = server, context, patience
        self._made: _Client | None = None
        self.wire: Wire | None = None
        self._cut = False
        self.at: Standing | None = None
        self.copied_into = 0
        """UIDVALIDITY of the folder into which was last copied or moved, 0 where the server did not say."""

    def open(self) -> None:
        """Connect, secured as the account says. Raises `CarrierTrouble` and `Broken`."""
        try:
            with self._guarded(connecting=True):
                self._made = _Client(self.server, self._context, self._patience, self)
        except Declined:
            raise Broken("no IMAP") from None
        if self._cut:
            raise Broken("cut")
        # PREAUTH: we would be someone whom we did not name, over a line that may not even be the server's.
        if self._wire.state != "NONAUTH":
            raise self.insecure(_("{host} let us in before we said who we are, and that is not to be trusted."))
        if self.server.security is Security.STARTTLS:
            self._starttls()

    def _starttls(self) -> None:
        if "STARTTLS" not in self._wire.capabilities:
            raise self.insecure(_("{host} does not offer to encrypt the line (STARTTLS)."))
        try:
            with self._guarded(connecting=True):
                self._wire.allow(lines=64_000)
                self.client.starttls(self._context)
        except Declined:
            raise self.insecure(_("{host} would not encrypt the line when it was asked to.")) from None

    def capabilities(self) -> frozenset[str]:
        """What the server announces, in upper case."""
        with self.asking(lines=64_000):
            return frozenset(name.decode("ascii", "replace").upper() for name in self.client.capabilities())

    def can(self, name: str) -> bool:
        """Whether the server announces this capability, now that we are signed in."""
        return name in self.capabilities()

    @property
    def quiet(self) -> bool:
        """Whether the line is up and nothing was said on it since the last answer."""
        return self.wire is not None and self.wire.quiet

    def examine(self, name: str, *, write: bool = False) -> Standing:
        """Come to a mailbox: only to read (EXAMINE, which also leaves \\Recent alone), unless `write`. Raises
        `Declined` where there is none."""
        self.at = None
        with self.asking(lines=256_000):
            told = self.client.select_folder(name, readonly=not write)
        numbers = {key: _number(told.get(key)) for key in (b"UIDVALIDITY", b"UIDNEXT", b"EXISTS")}
        self.at = Standing(name, numbers[b"UIDVALIDITY"], numbers[b"UIDNEXT"], numbers[b"EXISTS"])
        return self.at

    def stand_in(self, standing: Standing) -> None:
        """Be in this mailbox, as it was. Raises `Broken` where it is another one by now."""
        if self.at is None or self.at.name != standing.name:
            self.examine(standing.name)
        if self.at is None or self.at.validity != standing.validity:
            raise Broken("another mailbox under the same name")

    def search(self, *criteria: str | date) -> list[int]:
        """UIDs, ascending (UID SEARCH)."""
        with self.asking(lines=2 * MOST_LINE):
            return above(self.client.search(list(criteria)), 0)

    def there(self, uids: Sequence[int]) -> list[int]:
        """Which of these UIDs still exist."""
        return [uid for uid in self.search("UID", ",".join(map(str, uids))) if uid in set(uids)] if uids else []

    def heads(self, uids: Sequence[int]) -> dict[int, tuple[int, bytes]]:
        """Size and header fields (`plan.FIELDS`) of these; nothing is marked as read. What is gone is missing."""
        answer = self._fetch(uids, ["RFC822.SIZE", _HEADER], len(uids) * (MOST_HEAD + 4_096))
        heads = {}
        for uid, items in answer.items():
            size = items.get(b"RFC822.SIZE")
            head = next((value for key, value in items.items() if key.startswith(b"BODY[HEADER")), None)
            if isinstance(size, int) and size > 0 and isinstance(head, bytes):
                heads[uid] = (size, _of_a_head(head))
        return heads

    def sizes(self, uids: Sequence[int]) -> dict[int, int]:
        """Octets of each, as the server states."""
        answer = self._fetch(uids, ["RFC822.SIZE"], 0)
        return {uid: n for uid, items in answer.items() if isinstance(n := items.get(b"RFC822.SIZE"), int) and n > 0}

    def bodies(self, sizes: Mapping[int, int]) -> dict[int, bytes | None]:
        """The whole of these messages, as the server gives it; None where it gives nothing. What is gone is missing."""
        answer = self._fetch(list(sizes), ["BODY.PEEK[]"], sum(measure(size) for size in sizes.values()))
        bodies: dict[int, bytes | None] = {}
        for uid, items in answer.items():
            value = items.get(b"BODY[]")
            bodies[uid] = value if isinstance(value, bytes) else None
        return bodies

    def _fetch(self, uids: Sequence[int], items: list[str], octets: int) -> Mapping[int, Mapping[bytes, Any]]:
        with self.asking(lines=64_000 + 4_000 * len(uids), octets=octets):
            answer: Mapping[int, Mapping[bytes, Any]] = self.client.fetch(list(uids), items)
        return {uid: answer[uid] for uid in uids if uid in answer}

    def folders(self) -> list[tuple[tuple[bytes, ...], str, str]]:
        """Attributes, delimiter and name of every folder; with special uses (RFC 6154) where the server knows any."""
        # Some servers tell special uses only where they are asked for them, which the library cannot (RFC 5258 3).
        wanted = ("RETURN", "(SPECIAL-USE)") if self.can("SPECIAL-USE") and self.can("LIST-EXTENDED") else ()
        with self.asking(lines=MOST_LINE, octets=MOST_LINE):
            typ, data = self._wire._simple_command("LIST", '""', '"*"', *wanted)
            self.client._checkok("list", typ, data)
            typ, data = self._wire._untagged_response(typ, data, "LIST")
            listed = self.client._proc_folder_list(data)
        return [
            (tuple(flags), delimiter.decode("ascii", "replace") if isinstance(delimiter, bytes) else "", name)
            for flags, delimiter, name in listed
            if isinstance(name, str)
        ]

    def prefix(self) -> str:
        """What the names of personal folders begin with (NAMESPACE, RFC 2342)."""
        if not self.can("NAMESPACE"):
            return ""
        with self.asking(lines=64_000):
            personal = self.client.namespace().personal
        return str(personal[0][0]) if personal else ""

    def create(self, name: str) -> None:
        """Make a folder, and have it shown by other programs."""
        with self.asking(lines=64_000):
            self.client.create_folder(name)
        with suppress(Declined), self.asking(lines=64_000):
            self.client.subscribe_folder(name)

    def copy(self, uids: Sequence[int], to: str) -> dict[int, int]:
        """COPY to a folder; the UIDs there by those here, where the server tells them (RFC 4315 3)."""
        with self.asking(lines=64_000):
            self._wire.untagged_responses.pop("COPYUID", None)
            self.client.copy(list(uids), to)
            return self._copied()

    def move(self, uids: Sequence[int], to: str) -> dict[int, int]:
        """MOVE to a folder (RFC 6851); as `copy`."""
        with self.asking(lines=64_000 + 100 * len(uids)):
            self._wire.untagged_responses.pop("COPYUID", None)
            self.client.move(list(uids), to)
            return self._copied()

    def take_out(self, uids: Sequence[int]) -> None:
        """Delete these and no others (UID EXPUNGE, RFC 4315 2.1): a plain EXPUNGE would carry out what other programs
        only meant to."""
        with self.asking(lines=64_000 + 400 * len(uids)):
            self.client.add_flags(list(uids), [b"\\Deleted"], silent=True)
        with self.asking(lines=64_000 + 100 * len(uids)):
            self.client.uid_expunge(list(uids))

    def _copied(self) -> dict[int, int]:
        told = self._wire.untagged_responses.pop("COPYUID", None)
        words = told[-1].split() if told and isinstance(told[-1], bytes) else []
        if len(words) != 3 or not all(_UIDS.match(word) for word in words):
            return {}
        here, there = _sequence(words[1]), _sequence(words[2])
        self.copied_into = int(words[0]) if words[0].isdigit() else 0
        return dict(zip(here, there, strict=True)) if len(here) == len(there) else {}

    def close(self) -> None:
        """Say farewell. Nothing hangs on the answer."""
        with suppress(Broken, Declined, DearlyError), self.asking(lines=64_000):
            self.client.logout()
        self.cut()
        self.settle()

    def cut(self) -> None:
        """Let go of the connection, whatever it is doing; from any thread."""
        self._cut = True
        if self.wire is not None:
            with suppress(AttributeError):  # it is not made to its end yet
                self.wire.cut()

    def settle(self) -> None:
        """By the thread that works with it: give back what a line holds that was cut."""
        if self._cut and self.wire is not None:
            with suppress(AttributeError):  # it was not made to its end
                self.wire.end()

    @property
    def client(self) -> _Client:
        if self._made is None:
            raise Broken("no line")
        return self._made

    @property
    def _wire(self) -> Wire:
        return self.client.wire

    @contextmanager
    def asking(self, *, lines: int, octets: int = 0) -> Iterator[None]:
        with self._guarded():
            self._wire.allow(lines=lines, octets=octets)
            yield

    @contextmanager
    def _guarded(self, *, connecting: bool = False) -> Iterator[None]:
        """Nothing that the library throws goes on as it is. After `Broken` the line is of no use any more."""
        try:
            yield
        except (Declined, DearlyError):
            raise
        except Broken:
            self.cut()
            raise
        except ssl.SSLError as error:
            self.cut()
            known = tls.trouble(self.server.host, self.server.port, error)
            raise (known if known and connecting else Broken("TLS")) from None
        except OSError as error:  # a time-out too
            self.cut()
            if connecting and self._made is None and not self._greeted:
                raise self._unreachable() from None
            raise Broken(type(error).__name__) from None
        except imaplib.IMAP4.abort:
            self.cut()
            raise Broken("cut") from None
        except imaplib.IMAP4.error:
            answered = self.wire.answered if self.wire is not None and hasattr(self.wire, "answered") else None
            if answered is not None and answered[0] in ("NO", "BAD"):
                raise _declined(answered[1]) from None
            self.cut()
            raise Broken("no IMAP") from None
        except (ValueError, TypeError, LookupError, AttributeError, AssertionError, RecursionError, OverflowError):
            # What a parser trips over in an answer that is none.
            self.cut()
            raise Broken("no IMAP") from None

    @property
    def _greeted(self) -> bool:
        return bool(getattr(self.wire, "welcome", None))

    def _unreachable(self) -> CarrierTrouble:
        return CarrierTrouble(
            "mail_unreachable",
            _("There is no connection to {host}.").format(host=self.server.host),
            _("Nothing is lost; it is tried again at the next round."),
            retry=True,
        )

    def insecure(self, words: str) -> CarrierTrouble:
        """The line is not as the account says. `words`: with {host} in them."""
        return CarrierTrouble(
            "no_encryption",
            words.format(host=self.server.host),
            _(
                "No password was given. Look whether the port and the kind of encryption are those that the provider"
                " names."
            ),
        )


def _declined(text: bytes) -> Declined:
    code = _CODE.match(text)
    words = said(text[code.end() if code else 0 :].decode("utf-8", "replace"))
    return Declined(words, code[1].decode("ascii").upper() if code else "")


def _number(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value < 2**63 else 0


def _of_a_head(head: bytes) -> bytes:
    """At most `MOST_HEAD` octets, whole lines, and the empty line after them."""
    if len(head) > MOST_HEAD:
        head = head[: head.rfind(b"\n", 0, MOST_HEAD - 4) + 1]
    head = head.rstrip(b"\r\n")
    return head + b"\r\n\r\n" if head else b"\r\n"


def _sequence(words: bytes) -> list[int]:
    """The UIDs of a set, in order, if they are not too many (RFC 9051 9, uid-set)."""
    uids: list[int] = []
    for part in words.split(b","):
        first, colon, last = part.partition(b":")
        low, high = sorted((int(first), int(last if colon else first)))
        if high - low + len(uids) >= _MOST_COPIED:
            return []
        uids += range(low, high + 1)
    return uids
