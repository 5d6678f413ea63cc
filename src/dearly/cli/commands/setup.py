"""`setup` and `address`: making a drawer, and what one gives to others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dearly.cli.as_text import Page
from dearly.cli.command import command, option
from dearly.cli.errand import Errand, Secret
from dearly.cli.given import file_trouble
from dearly.cli.names import later
from dearly.desk.values import MyCard
from dearly.letter.address import Address, header_safe
from dearly.letter.errors import NotFound, Usage
from dearly.letter.words import _

if TYPE_CHECKING:
    from dearly.desk.desk import Desk


@command(
    "setup",
    later(
        """Make your drawer, and say who you are.

        A passphrase is asked for (twice); with it, and only with it or the recovery kit, everything in the drawer can
        be opened again. An office carries letters to everybody who is in it: give the invitation that you were sent, as
        it is, or take the office of this machine, which all its users may share."""
    ),
    "dearly setup --name Ada --local-office",
    "dearly setup --name Ada --join 'https://office.example.org/#invite=TOKEN'",
    "dearly setup --name Ada --office http://127.0.0.1:8410 --invite TOKEN",
)
@option("--name", required=True, metavar="NAME", help=later("Your name, as it stands on your letters."))
@option("--own", multiple=True, metavar="ADDRESS", help=later("An address of yours. May be given several times."))
@option("--join", "link", metavar="LINK", help=later("The invitation to an office, as you were sent it; good once."))
@option("--office", "url", metavar="URL", help=later("The office that carries your letters."))
@option("--invite", metavar="TOKEN", help=later("The invitation to that office; it is good once."))
@option("--ca-file", metavar="FILE", help=later("The certificate of the authority that the office's own is signed by."))
@option("--local-office", is_flag=True, help=later("Use the office of this machine."))
def setup(
    errand: Errand,
    name: str,
    own: tuple[str, ...],
    link: str | None,
    url: str | None,
    invite: str | None,
    ca_file: str | None,
    local_office: bool,
) -> None:
    """Make a drawer, begin, and join an office."""
    if link is not None and (url is not None or invite is not None):
        raise Usage(
            "two_offices",
            _("--join carries the office and its invitation; --office and --invite would name another one."),
            _("Give --join alone."),
        )
    url, invite = _invitation(link or url, invite)
    _check(name, own, url, invite, local_office)
    authority = errand.path(ca_file) if ca_file else None

    async def join(desk: Desk) -> MyCard:
        from dearly.desk import setup as verbs

        card = await verbs.begin(desk, name, own)
        if url is not None:
            card = await verbs.join_office(desk, url, invite or "", authority)
        elif local_office:
            card = await verbs.join_local_office(desk)
        return card or await verbs.without_post(desk)

    async def make(secret: Secret) -> MyCard:
        async with errand.app.create_desk(errand.folder, secret) as desk:
            return await join(desk)

    try:
        # A set-up that was interrupted, or an office joined later: the drawer is there.
        card = errand.with_desk(join)
    except NotFound as none:
        if none.code != "no_drawer":
            raise
        card = errand.unlocking(make, new=True)
    errand.tell(card, lambda: _welcome(errand, card))


def _invitation(url: str | None, invite: str | None) -> tuple[str | None, str | None]:
    """URL and token apart; an invitation may come as one URL that carries the token."""
    if url is not None and invite is None and "#invite=" in url:
        url, _mark, invite = url.partition("#invite=")
        url = url.removesuffix("/")
    return url, invite


def _check(name: str, own: tuple[str, ...], url: str | None, invite: str | None, local_office: bool) -> None:
    """Everything that can be wrong is found before a drawer is made."""
    if not header_safe(name, _("name")).strip():
        raise Usage("no_name", _("A name is needed: it stands on your letters."), _("Give it with --name."))
    for address in own:
        Address.parse(address)
    if local_office and url is not None:
        raise Usage(
            "two_offices",
            _("Take the office of this machine or another one, not both at once."),
            _("Give --local-office or --office; the other can be joined later with “dearly setup”."),
        )
    if (url is None) != (invite is None):
        raise Usage(
            "no_invitation",
            _("An office is joined by its URL and an invitation, and one of them is missing."),
            _("Give --join LINK, as you were sent it, or --office URL and --invite TOKEN."),
        )


def _welcome(errand: Errand, card: MyCard) -> str:
    page = Page(errand.terminal)
    return "\n\n".join(
        [
            page.my_card(card),
            page.prose(_("Your drawer is ready. It lies in {folder}.").format(folder=errand.folder)),
            page.prose(
                _("A passphrase that is forgotten cannot be found again."),
                _("“dearly kit --out FILE” writes the recovery kit: print it, and put it where you keep such things."),
            ),
            page.prose(
                _("“dearly address --vcard FILE” writes your card for others; with theirs, “dearly people add”"),
                _("lets you seal letters to them."),
            ),
        ]
    )


@command(
    "address",
    later(
        """Your own addresses, and the card that you give to others.

        The card is a vCard with your name, your addresses and your key: whoever has it can seal a letter to you."""
    ),
    "dearly address --vcard ada.vcf",
)
@option("--vcard", metavar="FILE", help=later("Write the card to this file; “-” is standard output."))
def address(errand: Errand, vcard: str | None) -> None:
    """Show the card, or write it to a file."""
    from dearly.desk import setup as verbs

    card = errand.with_desk(verbs.my_card)
    if vcard == "-" and not errand.json:
        errand.terminal.out(card.vcard)
        return
    if vcard is not None and vcard != "-":
        try:
            errand.path(vcard).write_text(card.vcard, encoding="utf-8", newline="")
        except OSError as trouble:
            raise file_trouble(trouble, vcard) from None
    errand.tell(card, lambda: Page(errand.terminal).my_card(card))
