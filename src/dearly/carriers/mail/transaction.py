"""One letter to one recipient, and a copy to ourselves: one SMTP transaction (RFC 5321 3.3), and what came of it.

The copy is what makes an unclear answer clear later: it lies in our own letterbox where, and only where, the letter was
accepted. So both recipients stand in one transaction, and its single 250 covers both.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from dearly.carriers.mail.line import Gone, Line, stuffed
from dearly.carriers.mail.replies import CLOSING, Abilities, Stage, concerns_account, outcome
from dearly.letter.address import Address
from dearly.letter.envelope import SealedLetter
from dearly.letter.journey import Outcome, TryLater, Turned, Unknown
from dearly.letter.words import _

_MOST_LINE = 1_000  # octets, with CRLF (RFC 5321 4.5.3.1.6)
_NOT_IN_PATH = re.compile(r"[\0-\x20\x7f<>\u0085\u2028\u2029]")


class SenderRefused(Exception):
    """The server does not take letters from this sender, or from us at all. Nothing was handed over by this."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


class LineGone(Exception):
    """The line broke before anything could be accepted. `begun`: whether the server knew of a recipient by then."""

    def __init__(self, why: str, *, begun: bool) -> None:
        super().__init__(why)
        self.why, self.begun = why, begun


@dataclass(frozen=True, slots=True)
class Load:
    """What goes over the line for one letter: its octets with dots doubled, and what a server must be able to do."""

    letter: SealedLetter
    octets: bytes
    eight_bit: bool
    wide_header: bool
    """Beyond ASCII in the header: RFC 6532, and so RFC 6531."""


def unfit(data: bytes) -> str:
    """Why these octets can be handed to no SMTP server as they are, or "". They are final: nothing is mended here."""
    # RFC 5321 2.3.8: a CR or LF alone is no line end; servers disagree on what it is, and letters are smuggled by it
    # (A22).
    if not data.endswith(b"\r\n") or not data.count(b"\r") == data.count(b"\n") == data.count(b"\r\n"):
        return _("It holds line ends that mail does not know.")
    if _has_long_line(data):
        return _("It holds a line that is too long for mail.")
    return ""


def _has_long_line(data: bytes) -> bool:
    start = 0  # of a line; a letter may weigh 95 MB, so from there to the last line end within reach
    while len(data) - start > _MOST_LINE:
        end = data.rfind(b"\n", start, start + _MOST_LINE)
        if end < 0:
            return True
        start = end + 1
    return False


def load(letter: SealedLetter) -> Load:
    """`letter` made ready; call `unfit` before."""
    head = letter.data.partition(b"\r\n\r\n")[0]
    return Load(letter, stuffed(letter.data), not letter.data.isascii(), not head.isascii())


def turned_before(cargo: Load, recipient: Address, able: Abilities) -> Turned | None:
    """Read what the server announced before anything is said: what it cannot take comes back with words of ours."""
    size = len(cargo.letter.data)  # RFC 1870 5: with its line ends, without the doubled dots
    if able.size is not None and size > able.size:
        return Turned(
            _("It weighs {size}, and the server takes {limit} at most.").format(
                size=weight(size), limit=weight(able.size)
            )
        )
    if cargo.eight_bit and "8BITMIME" not in able:
        return Turned(_("The server takes no letters with characters beyond ASCII in them."))
    if _wide(cargo, recipient) and "SMTPUTF8" not in able:
        return Turned(_("The server knows no addresses with characters beyond ASCII."))
    return None


def carry(
    line: Line, cargo: Load, recipient: Address, ourselves: Address, about_to: Callable[[], bool] = lambda: True
) -> Outcome:
    """Hand the letter over to one recipient and to ourselves. Look at `line.usable` afterwards.

    `about_to` is asked right before the final dot, from which on the letter may be accepted: where it says no, or
    raises, the line is cut and nothing was. Raises `LineGone` where the line broke and certainly nothing was accepted,
    and `SenderRefused`."""
    begun = False
    try:
        reply = line.ask(_mail_from(line.abilities, cargo, recipient))
        if reply.code == CLOSING:
            raise LineGone(reply.words, begun=False)
        if concerns_account(reply):
            raise SenderRefused(reply.words)
        if came := outcome(reply, Stage.MAIL):
            return came
        begun = True
        came = outcome(line.ask(_rcpt_to(line.abilities, cargo, recipient)), Stage.RCPT)
        if came is None:
            came = _copy_and_data(line, cargo, recipient, ourselves)
        if came is not None:
            _forget(line)
            return came
        line.send_letter(cargo.octets)
    except Gone as gone:
        raise LineGone(gone.why, begun=begun) from None
    try:
        may = about_to()
    except BaseException:
        line.cut()  # without its dot a server lets go of it (RFC 5321 3.9)
        raise
    if not may:
        line.cut()
        raise LineGone(_("It is no longer ours to hand over."), begun=begun)
    try:
        line.send_final_dot()
        came = outcome(line.hear(line.patience.final), Stage.END)
    except Gone as gone:
        return Unknown(gone.why)
    assert came is not None
    return came


def _copy_and_data(line: Line, cargo: Load, recipient: Address, ourselves: Address) -> Outcome | None:
    """What follows an accepted recipient, up to the server's word that it listens: None."""
    if not recipient.same(ourselves) and (str(ourselves).isascii() or _wide(cargo, recipient)):
        # Refused or not, the letter is the recipient's; only an unclear answer stays unclear then, and is asked about.
        notify = " NOTIFY=NEVER" if "DSN" in line.abilities else ""
        copy = line.ask(f"RCPT TO:{_path(ourselves)}{notify}")
        if copy.code == CLOSING:
            return TryLater(copy.words)
    return outcome(line.ask("DATA"), Stage.DATA)


def _forget(line: Line) -> None:
    """End a transaction that came to nothing (RFC 5321 4.1.1.5); a whole one the server forgets by itself."""
    try:
        if line.usable and line.ask("RSET").code != 250:
            line.cut()
    except Gone:
        pass  # the outcome stands; that the line is of no more use, it remembers itself


def _mail_from(able: Abilities, cargo: Load, recipient: Address) -> str:
    """RFC 5321 4.1.1.2, and of what the server announced only what this letter has use for."""
    words = [f"MAIL FROM:{_path(cargo.letter.envelope.sender)}"]
    if "SIZE" in able:
        words.append(f"SIZE={len(cargo.letter.data)}")
    if cargo.eight_bit:
        words.append("BODY=8BITMIME")
    if _wide(cargo, recipient):
        words.append("SMTPUTF8")
    if "DSN" in able:  # RFC 3461 4.3, 4.4: by ENVID the report finds its journey; the letter itself need not come back
        words += ["RET=HDRS", *([f"ENVID={_xtext(cargo.letter.key)}"] if cargo.letter.key else [])]
    return " ".join(words)


def _rcpt_to(able: Abilities, cargo: Load, recipient: Address) -> str:
    command = f"RCPT TO:{_path(recipient)}"
    if "DSN" not in able:
        return command
    # Where no report would find its way to a journey, there is no use for one that says that all is well.
    wanted = "SUCCESS,FAILURE,DELAY" if cargo.letter.key else "FAILURE"
    return f"{command} NOTIFY={wanted} ORCPT={_original(recipient)}"


def _path(address: Address) -> str:
    """In angle brackets. The grammar of `Address` lets nothing through that could end them; asserted again (A24)."""
    text = str(address)
    if _NOT_IN_PATH.search(text):
        raise AssertionError("an address that is none")
    return f"<{text}>"


def _wide(cargo: Load, recipient: Address) -> bool:
    return cargo.wide_header or not f"{cargo.letter.envelope.sender}{recipient}".isascii()


def _original(recipient: Address) -> str:
    """RFC 3461 4.2, and RFC 6533 3 for addresses beyond ASCII."""
    text = str(recipient)
    if text.isascii():
        return f"rfc822;{_xtext(text)}"
    return "utf-8;" + "".join(c if c.isascii() and c not in "\\+=" else f"\\x{{{ord(c):X}}}" for c in text)


def _xtext(text: str) -> str:
    """RFC 3461 4: visible ASCII, but + and = as +2B and +3D."""
    return "".join(c if "!" <= c <= "~" and c not in "+=" else f"+{ord(c):02X}" for c in text)


def weight(octets: int) -> str:
    """So many octets in words."""
    unit, of = (1_000_000, _("{n} MB")) if octets >= 1_000_000 else (1_000, _("{n} kB"))
    return of.format(n=f"{octets / unit:.1f}")
