"""`keys`: by which keys a person is known, and how far."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from dearly.cli.as_json import many
from dearly.cli.as_json import plain as as_json
from dearly.cli.as_text import Page, fingerprint
from dearly.cli.command import Number, command, group, option
from dearly.cli.errand import Errand
from dearly.cli.given import read, secret_from, shown
from dearly.cli.names import later
from dearly.cli.words_of_letters import of_key
from dearly.letter.address import clean
from dearly.letter.errors import Locked, Usage
from dearly.letter.words import _, ngettext

if TYPE_CHECKING:
    from dearly.desk.desk import Desk
    from dearly.desk.values import OfferedKey, PersonView

MOST_KEY = 512 << 10
"""Bytes of a file with a key or a card."""

_SECRET = (b"\x94", b"\x95", b"\xc5")
"""How a secret key begins that is not armored (RFC 9580 4.2: tag 5, in the old form and the new one)."""

keys = group("keys", later("The keys by which someone's letters are known."))


@command(
    "show",
    later(
        """The keys of a person, and how far each is known; the keys that a letter brings; or your own.

        Each key has six pairs of words. Read them to each other, face to face or on the telephone: the words that your
        desk shows for them must be the ones that theirs shows as its own. Then pin the key with --verified.

        A number stands for a letter: it may bring a key for somebody, enclosed, or as its writer gives it for another
        reader. Without a name it is your own key, as a file that others can take in; some older programs refuse it
        unless it is --plain, without its post-quantum part."""
    ),
    "dearly keys show Bert",
    group=keys,
)
@click.argument("name", metavar="[NAME|N]", required=False)
@option("--plain", is_flag=True, help=later("Your own key without its post-quantum part."))
def show(errand: Errand, name: str | None, plain: bool) -> None:
    """Show someone's keys, and the words of our own."""
    from dearly.desk import keys as verbs

    page = Page(errand.terminal)
    if name is None:
        mine = errand.with_desk(lambda desk: verbs.own(desk, plain=plain))
        errand.tell({**as_json(mine), "key": mine.key}, mine.key.rstrip("\r\n").replace("\r\n", "\n"))
        return
    if plain:
        raise Usage("plain_is_own", _("--plain is about your own key."), _("Leave the name out."))
    if name.isascii() and name.isdigit():
        number = int(name)
        brought = errand.with_desk(lambda desk: verbs.offered(desk, number))
        errand.tell(many("keys", brought), lambda: _brought(page, number, brought))
        return

    async def look(desk: Desk) -> tuple[PersonView, tuple[str, ...]]:
        return await verbs.show_keys(desk, name), await verbs.own_words(desk)

    person, own = errand.with_desk(look)
    errand.tell(person, lambda: "\n\n".join([page.person(person), *([page.own_words(own)] if own else [])]))


@command(
    "import",
    later(
        """Take a key in: from a file, or one that a letter brings.

        The first key of a person is used from then on. Where another one is in use, that one stays, and the new one is
        shown as changed until you pin it. “dearly keys show N” lists the keys that letter N brings.

        A secret key of yours, out of another program, opens old letters that were sealed to it, also those that were
        imported before; it is used for nothing else."""
    ),
    "dearly keys import bert.asc",
    "dearly keys import my-old-secret-key.asc",
    group=keys,
)
@click.argument("source", metavar="FILE|N")
@option("--which", type=Number(), metavar="K", help=later("Which of the keys that it brings; 1 is the first."))
@option("--for", "name", metavar="NAME", help=later("Whose key it is, where it does not say so itself."))
@option(
    "--key-passphrase-file",
    metavar="FILE",
    help=later("The passphrase of a secret key, in a file that only you can read, or “-”. Else it is asked for."),
)
def import_(errand: Errand, source: str, which: int | None, name: str | None, key_passphrase_file: str | None) -> None:
    """Take in a key."""
    from dearly.desk import keys as verbs

    if source.isascii() and source.isdigit():
        number = int(source)
        person = errand.with_desk(lambda desk: verbs.take(desk, number, which or 1, name))
    else:
        data, _mode = read(errand, source, MOST_KEY, shown(source))
        if b"-----BEGIN PGP PRIVATE KEY BLOCK" in data or data[:1] in _SECRET:
            _take_secret(errand, data, key_passphrase_file)
            return
        person = errand.with_desk(lambda desk: verbs.take_file(desk, data, name, which=which))
    errand.tell(person, lambda: Page(errand.terminal).person(person))


def _take_secret(errand: Errand, data: bytes, passphrase_file: str | None) -> None:
    """Take in a secret key of another program. Its passphrase is asked for where it has one."""
    from dearly.desk import keys as verbs

    what = _("the passphrase of this key")
    word = secret_from(errand, passphrase_file, what) if passphrase_file is not None else None
    try:
        key = errand.with_desk(lambda desk: verbs.take_secret(desk, data, word))
    except Locked as locked:
        if locked.code != "key_locked" or not errand.terminal.in_tty:
            raise
        typed = errand.terminal.ask_secret(_("Passphrase of this key: "))
        key = errand.with_desk(lambda desk: verbs.take_secret(desk, data, typed))
    said = [_("The key is kept in your drawer, and opens letters that were sealed to it.")]
    if key.opened:
        said.append(ngettext("One letter is open now.", "{n} letters are open now.", key.opened).format(n=key.opened))
    if key.still_sealed:
        said.append(
            ngettext("One is still sealed.", "{n} are still sealed.", key.still_sealed).format(n=key.still_sealed)
        )
    errand.tell(key, lambda: Page(errand.terminal).prose(*said))


def _brought(page: Page, number: int, brought: Sequence[OfferedKey]) -> str:
    """What a letter brings, one key after the other."""
    if not brought:
        return page.prose(_("Letter {number} brings no key for anybody.").format(number=number))
    told = []
    for one in brought:
        whose = clean(one.person) or ", ".join(clean(address) for address in one.addresses) or _("nobody it names")
        said = _said(one).format(name=whose, writer=clean(one.given_by))
        lines = [page.line(f"{one.which}  {said}"), "   " + fingerprint(one.fingerprint)]
        if one.addresses:
            lines.append(page.line(", ".join(clean(address) for address in one.addresses), "   ", ""))
        if not one.usable:
            lines.append(page.line(_("It cannot be used: it has been withdrawn, or its time is over."), "   ", ""))
        told.append("\n".join(lines))
    take = _("“dearly keys import {number} --which K” takes one in.").format(number=number)
    return "\n\n".join([*told, page.prose(take)])


def _said(one: OfferedKey) -> str:
    match one.state:
        case "unknown":
            how = _("No key of theirs is known.")
        case "another":
            how = _("Another key of theirs is in use, and stays in use.")
        case _:
            how = _("It is known: {state}.").format(state=of_key(one.state))
    return f"{_whose(one)} {how}"


def _whose(one: OfferedKey) -> str:
    match one.source:
        case "gossip":
            return _("The key of {name}, as the letter of {writer} gives it.")
        case "autocrypt":
            return _("The key of {name}, as this letter gives it, which was not sealed.")
        case "card":
            return _("The key of {name}, on a card in the letter of {writer}.")
        case "text":
            return _("A key for {name}, in the text of the letter of {writer}.")
        case _:
            return _("A key for {name}, enclosed in the letter of {writer}.")


@command(
    "pin",
    later(
        """Decide which key is a person's.

        Compare the words (“dearly keys show NAME”) or the fingerprint with them, face to face or on the telephone; then
        pin it with --verified. Without a fingerprint it is about the only key that is known of them."""
    ),
    "dearly keys pin Bert --verified",
    group=keys,
)
@click.argument("name", metavar="NAME")
@option("--fingerprint", metavar="HEX", help=later("The fingerprint of the key; spaces in it do not matter."))
@option("--verified", is_flag=True, help=later("You have compared it with them."))
def pin(errand: Errand, name: str, fingerprint: str | None, verified: bool) -> None:
    """Pin a key."""
    from dearly.desk import keys as verbs

    if fingerprint is not None:
        fingerprint = re.sub(r"[\s:]", "", fingerprint).lower()
        if not re.fullmatch(r"[0-9a-f]{16,64}", fingerprint):
            raise Usage(
                "bad_fingerprint",
                _("This is not the beginning of a fingerprint."),
                _("Give at least the first 16 of its hexadecimal digits; “dearly keys show NAME” shows them."),
            )
    person = errand.with_desk(lambda desk: verbs.pin(desk, name, fingerprint, verified=verified))
    errand.tell(person, lambda: Page(errand.terminal).person(person))
