"""A provider's JMAP account as a mailbox (RFC 8620, RFC 8621): other people's letters lie in it, other programs use it.

What differs from an office: one signs in as the provider wants it (a password as Basic, RFC 7617; OAuth as Bearer, RFC
6750); only what the sieve takes, by its header, is fetched; nothing there is marked, moved or deleted, but for a letter
of ours that nobody accepted, which is taken out of «sent» again; and a letter goes to ourselves too, one copy for each
recipient, so that an answer that was lost can be made good by what comes (docs/peers.md).

Beside the cursor of `collecting` the cursor holds when the last round was, from which `LOOK_BACK` reckons, and marks of
the newest `KNOWN` Emails that were judged: programs that mark an Email as read make it a change of this account, and
only what was never judged is looked at then.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from dearly.carriers.base import (
    MOST_HEAD,
    Check,
    Collected,
    Credentials,
    Head,
    Report,
    Sieve,
    Verdict,
    said,
)
from dearly.carriers.jmap import collecting, looking, posting
from dearly.carriers.jmap.collecting import Listed, troubles
from dearly.carriers.jmap.line import Line
from dearly.carriers.jmap.session import Account, objects, text
from dearly.letter.account import MailAccount, Server, SignIn
from dearly.letter.address import Address
from dearly.letter.clock import Clock
from dearly.letter.envelope import Heading, Parcel, SealedLetter, Source, Way
from dearly.letter.errors import CarrierTrouble, DearlyError, Usage
from dearly.letter.journey import Evidence, Outcome
from dearly.letter.words import _

LOOK_BACK = timedelta(days=30)
KNOWN = 600


class ProviderCarrier:
    """`Posts`, `PostsMany`, `Reports` and `Fetches` for one account at a provider.

    The server is `account.incoming`, else `account.outgoing`: its `url`, or the well-known address at its host (RFC
    8620 2.2). Raises `Usage` (bad_server_url, insecure_account, bad_ca_file). Nothing is asked before the first act. An
    instance belongs to the event loop in which it is first used."""

    way = Way.MAIL

    def __init__(self, account: MailAccount, credentials: Credentials, sieve: Sieve, clock: Clock) -> None:
        server = account.incoming or account.outgoing
        if server is None:
            raise ValueError("an account without a server")
        with _as_provider():
            line = Line(_url(server), "", account.ca, _Signing(server.user, account.sign_in, credentials))
        self._account = Account(line, account.address, Way.MAIL)
        self._sieve, self._clock = sieve, clock
        self.place = str(account.address)

    def __repr__(self) -> str:
        return f"ProviderCarrier({self._account.line.host!r}, {self.place!r})"

    async def hand_over(self, letter: SealedLetter) -> Mapping[Address, Outcome]:
        return (await self.hand_over_many([letter]))[0]

    async def hand_over_many(self, letters: Sequence[SealedLetter]) -> Sequence[Mapping[Address, Outcome]]:
        with _as_provider():
            return await posting.hand_over(self._account, letters)

    async def look_for(self, letter: SealedLetter) -> Mapping[Address, Evidence]:
        return await looking.look_for(self._account, letter)

    async def ask_after(self, letter: SealedLetter) -> Mapping[Address, Report]:
        return await looking.ask_after(self._account, letter)

    async def collect(self, cursor: str) -> Collected:
        began = self._clock.now()
        inner, since, known = _read(cursor)
        sift = _Sift(self._account, self._sieve, _utc(since or began - LOOK_BACK), known)
        with _as_provider():
            batch = await collecting.collect(self._account, inner, sift)
        if since is None or not (batch.more or batch.full):  # only a round that came to its end moves the look-back on
            since = began - LOOK_BACK
        return replace(batch, cursor=_text(batch.cursor, since, sift.known), heads=tuple(sift.doors))

    async def acknowledge(self, sources: Sequence[Source]) -> None:
        """Nothing: a mark at a provider is the person's, who reads there with other programs."""

    async def fetch(self, sources: Sequence[Source]) -> tuple[Parcel, ...]:
        with _as_provider():
            with troubles(self._account):
                here = (await self._account.session()).account
            asked = [s.uid for s in sources if (s.way, s.place, s.validity) == (self.way, self.place, here)]
            return await collecting.fetch_these(self._account, asked) if asked else ()

    async def check(self) -> list[Check]:
        """What works and what does not, as far as one gets."""
        host = said(self._account.line.host)
        try:
            with _as_provider(), troubles(self._account):
                session = await self._account.session()
                done = [Check("incoming.sign_in", True, _("{host} (JMAP) lets us in.").format(host=host))]
                bearings = await self._account.bearings()
        except DearlyError as trouble:
            what = "incoming.sign_in" if trouble.code.startswith("sign_in") else "incoming.reached"
            return [Check(what, False, trouble.told)]
        if bearings.inbox is None:
            done.append(Check("incoming.letterbox", False, _("There is no letterbox at {host}.").format(host=host)))
        else:
            done.append(Check("incoming.letterbox", True, _("The inbox can be read; nothing in it is changed.")))
        address = self._account.address
        if session.posts and bearings.identity is not None and bearings.sent is not None:
            words = _("{host} takes letters from {address}.").format(host=host, address=address)
            return [*done, Check("outgoing.sign_in", True, words)]
        words = _("{host} takes no letters from {address}.").format(host=host, address=address)
        return [*done, Check("outgoing.sign_in", False, words)]

    async def close(self) -> None:
        await self._account.line.close()


class _Signing:
    """Signing in with what `Credentials` gives."""

    def __init__(self, user: str, how: SignIn, credentials: Credentials) -> None:
        self._user, self._how, self._credentials = user, how, credentials

    async def value(self) -> str:
        secret = await self._credentials.password()
        if self._how is SignIn.OAUTH:
            if not re.fullmatch(r"[A-Za-z0-9._~+/=-]+", secret):  # RFC 6750 2.1; and nothing else into a header (A24)
                raise CarrierTrouble(
                    "sign_in_again", _("The token holds characters that no token holds."), _("Sign in once more.")
                )
            return f"Bearer {secret}"
        return "Basic " + base64.b64encode(f"{self._user}:{secret}".encode()).decode()

    async def refused(self) -> None:
        await self._credentials.refused()


class _Sift:
    """One batch of a round: what it judges, and the doors it finds."""

    def __init__(self, account: Account, sieve: Sieve, since: str, known: Sequence[str]) -> None:
        self._account, self._sieve, self.since = account, sieve, since
        self.known = list(known)
        self.doors: list[Heading] = []

    async def choose(self, listed: Sequence[Listed]) -> list[Listed]:
        known = set(self.known)
        fresh = [e for e in listed if _mark(e.uid) not in known and not (e.received and e.received < self.since)]
        heads = await self._heads(fresh)
        verdicts = dict(zip(heads, await self._sieve(list(heads.values())), strict=True)) if heads else {}
        self.doors += [said for said in verdicts.values() if isinstance(said, Heading)]
        self.known = (self.known + [_mark(uid) for uid in verdicts])[-KNOWN:]
        return [e for e in fresh if verdicts.get(e.uid) is Verdict.TAKE]

    async def _heads(self, listed: Sequence[Listed]) -> dict[str, Head]:
        """All fields of the headers as they stand there, for those that are still there (RFC 8621 4.1.3)."""
        if not listed:
            return {}
        account = (await self._account.session()).account
        asked = {"accountId": account, "ids": [e.uid for e in listed], "properties": ["id", "headers"]}
        answer = (await self._account.ask([("Email/get", asked, "h")])).of("h", "Email/get")
        there = {text(one.get("id")): one.get("headers") for one in objects(answer.get("list"))}
        place = str(self._account.address)
        return {
            e.uid: Head(Source(Way.MAIL, place, account, e.uid), e.size, _header(there[e.uid]))
            for e in listed
            if e.uid in there
        }


_FIELD_NAME = re.compile(r"[!-9;-~]+\Z")
_LOOSE_END = re.compile(r"\r\n(?![ \t])|\r(?!\n)|(?<!\r)\n|\0")


def _header(fields: object) -> bytes:
    """The octets of a header, of which the server gives the fields (EmailHeader, RFC 8621 4.1.3)."""
    octets = bytearray()
    for field in objects(fields):
        name, value = text(field.get("name")), text(field.get("value"))
        if not _FIELD_NAME.match(name):
            continue
        line = f"{name}:{_LOOSE_END.sub(' ', value)}\r\n".encode("utf-8", "replace")
        if len(octets) + len(line) > MOST_HEAD - 2:
            break
        octets += line
    return bytes(octets) + b"\r\n"


def _url(server: Server) -> str:
    if server.url:
        return server.url
    host = f"[{server.host}]" if ":" in server.host else server.host
    return f"https://{host}:{server.port}" if server.port else f"https://{host}"


def _mark(uid: str) -> str:
    return base64.b64encode(hashlib.sha256(uid.encode("utf-8", "replace")).digest()[:6]).decode()


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _text(inner: str, since: datetime, known: Sequence[str]) -> str:
    return json.dumps(["m1", inner, int(since.timestamp()), "".join(known)], separators=(",", ":"))


def _read(kept: str) -> tuple[str, datetime | None, list[str]]:
    """The cursor of `collecting`, from when on to look, and the marks; nothing of all when it is of another making."""
    try:
        match json.loads(kept):
            case ["m1", str(inner), int(since), str(known)]:
                marks = [known[at : at + 8] for at in range(0, len(known), 8)]
                return inner, datetime.fromtimestamp(since, UTC), marks
    except (ValueError, OverflowError, OSError, RecursionError):
        pass
    return "", None, []


@contextmanager
def _as_provider() -> Iterator[None]:
    """What this package says of offices, said of a provider."""
    try:
        yield
    except CarrierTrouble as trouble:
        raise _reworded(trouble) from None
    except Usage as usage:
        if usage.code != "bad_office_url":
            raise
        raise Usage(
            "bad_server_url",
            _("That is not the address of a JMAP server."),
            _("It looks like https://jmap.example.org/.well-known/jmap"),
        ) from None


def _reworded(trouble: CarrierTrouble) -> CarrierTrouble:
    again = _("Nothing is lost; it is tried again at the next round.")
    code, message, hint = {
        "office_token": (
            "sign_in_refused",
            _("The provider did not take the name and password."),
            _("Give the password once more (dearly account add). Many providers want one made for a single program."),
        ),
        "office_untrusted": (
            "server_untrusted",
            trouble.message,
            _("Do not go on unless you know why. A private mail server needs the file of its authority."),
        ),
        "office_unreachable": ("mail_unreachable", trouble.message, again),
        "office_answer": ("mail_answer", trouble.message, again if trouble.retry else trouble.hint),
        "office_moved": ("server_moved", trouble.message, _("If you trust that server, give its address (--jmap).")),
        "office_no_posting": (
            "cannot_send",
            trouble.message,
            _("Check the address of this account, or ask the provider."),
        ),
    }.get(trouble.code, (trouble.code, trouble.message, trouble.hint))
    return CarrierTrouble(code, message, hint, retry=trouble.retry)
