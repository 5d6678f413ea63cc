"""`account`: the e-mail addresses of this desk, and the servers by which letters come and go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from dearly.cli.as_json import many, plain
from dearly.cli.as_text import Page
from dearly.cli.command import OneOf, command, group, option
from dearly.cli.errand import Errand
from dearly.cli.given import is_yes, read, secret_from, shown
from dearly.cli.names import later
from dearly.letter.account import MailAccount, OAuthClient, Protocol, Security, Server, SignIn
from dearly.letter.address import Address, clean
from dearly.letter.errors import CarrierTrouble, Exit, NotFound, Usage
from dearly.letter.words import _, ended

if TYPE_CHECKING:
    from dearly.desk.account import AccountView, Checked
    from dearly.desk.desk import Desk
    from dearly.letter.suggestion import OAuthHint, Suggestion

MOST_AUTHORITY = 256 << 10

account = group("account", later("Your e-mail addresses: by which servers letters come and go."))


@command(
    "add",
    later(
        """Add your e-mail address, or change what is known of it.

        Without servers the provider is asked how it is spoken to, and what it says is shown before it is used. Then
        the password is asked for: many providers make one for a single program (an “app password”), and want that one
        here. The account is tried before it is kept. Given once more without servers, it signs in anew."""
    ),
    "dearly account add ada@letters.test --imap mail.test --password-file mail.txt",
    group=account,
)
@click.argument("address", metavar="ADDRESS", required=False)
@option("--imap", metavar="HOST:PORT", help=later("The IMAP server, by which letters come."))
@option("--pop", metavar="HOST:PORT", help=later("The POP3 server, where there is no IMAP."))
@option("--jmap", metavar="URL", help=later("The JMAP server, by which letters come and go."))
@option("--smtp", metavar="HOST:PORT", help=later("The SMTP server, by which letters go."))
@option(
    "--security",
    type=OneOf([one.value for one in Security]),
    help=later("How the lines are kept from being read; “plain” is for this machine alone."),
)
@option("--user", metavar="U", help=later("The name to sign in with, where it is not the address."))
@option(
    "--password-file",
    "secret_file",
    metavar="F",
    help=later("A file with the password that only you can read, or “-” for standard input."),
)
@option("--ca-file", metavar="F", help=later("The certificate of the authority that the servers’ own are signed by."))
@option("--relay", metavar="URL", help=later("Have this chatmail relay make an account; no address is given then."))
@option("--oauth-client-id", "client_id", metavar="ID", help=later("Sign in at the provider, with this client id."))
@option(
    "--oauth-secret-file", "client_file", metavar="F", help=later("The client’s secret, where there has to be one.")
)
@option("--oauth-authorize-url", "authorize_url", metavar="URL", help=later("Where one signs in, if it is not found."))
@option("--oauth-token-url", "token_url", metavar="URL", help=later("Where tokens are given out, if it is not found."))
@option("--oauth-scope", "scope", metavar="TEXT", help=later("What is asked for there, if it is not found."))
@option("--folder", metavar="NAME", help=later("A folder at the server for what was taken in; else nothing is moved."))
@option("--no-strangers", is_flag=True, help=later("Nobody unknown may knock with a letter that is not sealed."))
@option("--no-directory", is_flag=True, help=later("Do not ask the public directory about the address’s domain."))
@option("--yes", is_flag=True, help=later("Use what was found without asking."))
@option("--unchecked", is_flag=True, help=later("Keep it without trying it."))
def add(
    errand: Errand,
    address: str | None,
    imap: str | None,
    pop: str | None,
    jmap: str | None,
    smtp: str | None,
    security: str | None,
    user: str | None,
    secret_file: str | None,
    ca_file: str | None,
    relay: str | None,
    client_id: str | None,
    client_file: str | None,
    authorize_url: str | None,
    token_url: str | None,
    scope: str | None,
    folder: str | None,
    no_strangers: bool,
    no_directory: bool,
    yes: bool,
    unchecked: bool,
) -> None:
    """Add an account."""
    from dearly.desk import account as verbs

    ca = _authority(errand, ca_file)
    if relay is not None:
        if address or imap or pop or jmap or smtp:
            raise Usage(
                "relay_names_it",
                _("A relay makes the address and names its servers itself."),
                _("Give --relay alone."),
            )
        view = errand.with_desk(lambda desk: verbs.add_relay(desk, relay, ca))
        _kept(errand, view, None)
        return
    if address is None:
        raise Usage("no_address", _("Which address?"), _("Name it: “dearly account add name@example.org”."))
    where = verbs.mail_address(address)
    servers = _stated(where, imap, pop, jmap, smtp, security, user)
    hint = None
    if servers is not None:
        made = MailAccount(where, *servers, ca=ca)
    else:
        made, hint = _known_or_found(errand, where, directory=not no_directory, yes=yes)
        made = replace(made, ca=ca if ca_file is not None else made.ca)
    if folder is not None or no_strangers:
        made = replace(made, folder=folder or made.folder, strangers=made.strangers and not no_strangers)
    if client_id is not None or (made.sign_in is SignIn.OAUTH and secret_file is None):
        client_secret = secret_from(errand, client_file, _("the client’s secret")) if client_file else ""
        client = _client(made, hint, client_id, authorize_url, token_url, scope, client_secret)
        made = replace(made, sign_in=SignIn.OAUTH, oauth=client)
        secret = None
    else:
        made = replace(made, sign_in=SignIn.PASSWORD, oauth=None)
        secret = _password(errand, where, secret_file)

    async def keep(desk: Desk) -> tuple[AccountView, Checked | None]:
        word = secret
        if word is None:
            word = await verbs.sign_in(desk, made, lambda url: _show_sign_in(errand, url))
        checked = None if unchecked else await verbs.try_out(desk, made, word)
        if checked is not None and not checked.fine:
            raise _not_working(checked)
        return await verbs.add(desk, made, word), checked

    _kept(errand, *errand.with_desk(keep))


def _kept(errand: Errand, view: AccountView, checked: Checked | None) -> None:
    def text() -> str:
        page = Page(errand.terminal)
        said = [_said_of(page, view)]
        if checked is not None:
            said.append("\n".join(page.line(clean(one.words), "  ") for one in checked.checks))
        said.append(
            page.prose(
                _("{address} is yours at this desk now.").format(address=view.address),
                _("“dearly address --vcard FILE” writes your card with it; “dearly round” looks what has come."),
            )
        )
        return "\n\n".join(said)

    errand.tell({**plain(view), "checks": list(checked.checks) if checked else []}, text)


def _not_working(checked: Checked) -> CarrierTrouble:
    wrong = " ".join(ended(clean(one.words)) for one in checked.checks if not one.fine)
    return CarrierTrouble(
        "account_not_working",
        _("{address} was not kept: {wrong}").format(address=checked.address, wrong=wrong),
        _("Correct what is wrong and give it again, or keep it as it is with --unchecked."),
    )


def _known_or_found(
    errand: Errand, where: Address, *, directory: bool, yes: bool
) -> tuple[MailAccount, OAuthHint | None]:
    """The settings of an account that is here already; else what its provider says, once the person has agreed."""
    from dearly.desk import account as verbs

    async def look(desk: Desk) -> MailAccount | list[Suggestion]:
        try:
            return (await verbs.show(desk, str(where)))[1]
        except NotFound:
            return await verbs.find(desk, str(where), directory=directory)

    found = errand.with_desk(look)
    if isinstance(found, MailAccount):
        return found, None
    if not found:
        raise NotFound(
            "nothing_found",
            _("Nobody says how {address} is spoken to.").format(address=where),
            _("Your provider’s help names the servers: give them with --imap (or --pop, or --jmap) and --smtp."),
        )
    best = found[0]
    errand.aside(_found(best))
    if not yes:
        _agree(errand)
    return best.account, best.oauth


def _found(best: Suggestion) -> str:
    from dearly.desk.account import server_said

    lines = [_("Found for {address}, {by}:").format(address=best.account.address, by=words_of_told(best))]
    servers = (best.account.incoming, best.account.outgoing)
    lines += [f"  {clean(server_said(server))}, {clean(server.user)}" for server in servers if server is not None]
    if best.elsewhere:
        hosts = ", ".join(map(clean, best.elsewhere))
        lines.append(
            _("Not under the domain of your address: {hosts}. Make sure that this is your provider.").format(
                hosts=hosts
            )
        )
    return "\n".join(lines)


def words_of_told(best: Suggestion) -> str:
    """Who told it."""
    from dearly.letter.suggestion import Told

    match best.told:
        case Told.PROVIDER:
            return _("as the provider says")
        case Told.DIRECTORY:
            return _("as the public directory says")
        case Told.HOST:
            return _("as the public directory says of whoever takes its mail")
        case Told.DNS:
            return _("as the domain’s name records say, which prove nothing by themselves")


def _agree(errand: Errand) -> None:
    answer = errand.terminal.ask(_("Use these? Type “yes”: "))
    if answer is None:
        raise Usage(
            "not_agreed",
            _("What was found is used only when you say so."),
            _("Give --yes, or name the servers yourself."),
        )
    if not is_yes(answer):
        raise Usage(
            "not_agreed", _("Nothing was kept."), _("Name the servers yourself, with --imap and --smtp for example.")
        )


def _stated(
    where: Address,
    imap: str | None,
    pop: str | None,
    jmap: str | None,
    smtp: str | None,
    security: str | None,
    user: str | None,
) -> tuple[Server | None, Server | None] | None:
    """The servers that were named; None where none was."""
    from dearly.desk.account import stated

    incoming = [
        (kind, text) for kind, text in ((Protocol.IMAP, imap), (Protocol.POP3, pop), (Protocol.JMAP, jmap)) if text
    ]
    if len(incoming) > 1 or (jmap and smtp):
        raise Usage(
            "two_servers",
            _("Letters come by one server, and JMAP is for both directions."),
            _("Give one of --imap, --pop and --jmap; --smtp goes with the first two."),
        )
    if not incoming and smtp is None:
        return None
    way = Security(security) if security else None
    name = user or str(where)
    return (
        stated(incoming[0][0], incoming[0][1], way, name) if incoming else None,
        stated(Protocol.SMTP, smtp, way, name) if smtp else None,
    )


def _client(
    made: MailAccount,
    hint: OAuthHint | None,
    client_id: str | None,
    authorize_url: str | None,
    token_url: str | None,
    scope: str | None,
    secret: str,
) -> OAuthClient | None:
    before = made.oauth
    if client_id is None:
        return before
    return OAuthClient(
        client_id,
        authorize_url or (hint.authorize_url if hint else before.authorize_url if before else ""),
        token_url or (hint.token_url if hint else before.token_url if before else ""),
        scope or (hint.scope if hint else before.scope if before else ""),
        secret,
    )


def _show_sign_in(errand: Errand, url: str) -> None:
    if errand.json:  # somebody has to open it all the same
        errand.terminal.err(url + "\n")
    else:
        errand.aside(_("Open this address in your browser, and sign in there; it is waited for:"))
        errand.terminal.err(url + "\n")


def _password(errand: Errand, where: Address, file: str | None) -> str:
    if file is not None:
        return secret_from(errand, file, _("the password"))
    given = errand.terminal.ask_secret(_("Password of {address}: ").format(address=where))
    if given is None:
        raise Usage(
            "password_wanted",
            _("The password of {address} is needed, and there is no terminal at which to ask for it.").format(
                address=where
            ),
            _("Name a file that only you can read with --password-file, or “-” for standard input."),
        )
    return given


def _authority(errand: Errand, file: str | None) -> str | None:
    if file is None:
        return None
    data, _mode = read(errand, file, MOST_AUTHORITY, shown(file))
    try:
        return data.decode("ascii")
    except UnicodeDecodeError:
        raise Usage(
            "bad_ca_file", _("The certificate of the authority cannot be read."), _("Give a PEM file.")
        ) from None


def _said_of(page: Page, view: AccountView) -> str:
    lines = [page.line(clean(view.address))]
    for what, server in ((_("in: {server}"), view.incoming), (_("out: {server}"), view.outgoing)):
        if server:
            lines.append(page.line(what.format(server=clean(server)), "  "))
    if view.user and view.user != view.address:
        lines.append(page.line(_("signs in as {user}").format(user=clean(view.user)), "  "))
    return "\n".join(lines)


@command("list", later("The e-mail addresses of this desk."), "dearly account list", group=account)
def list_(errand: Errand) -> None:
    """List all."""
    from dearly.desk import account as verbs

    found = errand.with_desk(verbs.list_all)

    def text() -> str:
        page = Page(errand.terminal)
        blocks = []
        for one in found:
            spoken = (
                _("last spoken to {when}").format(when=page.moment(one.spoken))
                if one.spoken
                else _("not spoken to yet")
            )
            blocks.append(_said_of(page, one) + "\n" + page.line(spoken, "  "))
        return "\n".join(blocks) or _no_address(page)

    errand.tell(many("accounts", found), text)


@command(
    "check",
    later(
        """Try an account, or all of them, and say what works and what does not.

        Nothing is fetched, and no letter leaves."""
    ),
    "dearly account check ada@letters.test",
    group=account,
)
@click.argument("address", metavar="ADDRESS", required=False)
def check(errand: Errand, address: str | None) -> int | None:
    """Check."""
    from dearly.desk import account as verbs

    async def look(desk: Desk) -> list[Checked]:
        named = [address] if address is not None else [one.address for one in await verbs.list_all(desk)]
        return [await verbs.check(desk, one) for one in named]

    found = errand.with_desk(look)
    errand.tell(many("accounts", found), lambda: _checks(Page(errand.terminal), found))
    return None if all(one.fine for one in found) else int(Exit.CARRIER)


def _checks(page: Page, found: Sequence[Checked]) -> str:
    blocks = []
    for one in found:
        lines = [page.line(clean(one.address))]
        for done in one.checks:
            mark = "  " if done.fine else "  ! "
            lines.append(page.line(clean(done.words), mark))
        blocks.append("\n".join(lines))
    return "\n".join(blocks) or _no_address(page)


def _no_address(page: Page) -> str:
    return page.prose(_("This desk has no e-mail address. “dearly account add ADDRESS” adds yours."))


@command(
    "remove",
    later(
        """Take an account from this desk.

        Its password is erased here; at the provider nothing changes, and no letter is lost. Letters that were to leave
        by it are held in the outbox."""
    ),
    "dearly account remove ada@letters.test",
    group=account,
)
@click.argument("address", metavar="ADDRESS")
@option(
    "--leave-address", is_flag=True, help=later("The address is no longer yours either; your key says so from then on.")
)
def remove(errand: Errand, address: str, leave_address: bool) -> None:
    """Remove an account."""
    from dearly.desk import account as verbs

    gone = errand.with_desk(lambda desk: verbs.remove(desk, address, leave=leave_address))
    said = _("{address} is no longer served by this desk.").format(address=gone.address)
    if gone.held:
        numbers = ", ".join(map(str, gone.held))
        said += " " + _("Held in the outbox, for they were to leave by it: {numbers}.").format(numbers=numbers)
    errand.tell(gone, said)
