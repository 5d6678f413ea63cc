"""`office`: running a post office for a household or a club, and looking after its accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dearly.cli.as_json import many
from dearly.cli.as_text import Page
from dearly.cli.command import command, group, option
from dearly.cli.errand import Errand
from dearly.cli.given import file_trouble, secret_from, shown
from dearly.cli.layout import size, table
from dearly.cli.names import later
from dearly.cli.progress import progress
from dearly.letter.address import clean
from dearly.letter.errors import Usage
from dearly.letter.words import _

if TYPE_CHECKING:
    from dearly.desk.offices import Store, ToWorld

office = group("office", later("A post office for a household or a club. It keeps sealed letters, and can open none."))

_store = option(
    "--store",
    required=True,
    metavar="STORE",
    help=later("Where the office keeps what it carries: a folder, or postgresql://USER@HOST/DATABASE."),
)


def _place(errand: Errand, named: str) -> Store:
    return named if "://" in named else errand.path(named)


@command(
    "serve",
    later(
        """Run an office, until it is ended.

        Away from this machine an office is reached by TLS only: give a certificate and its key. The office sees who
        writes to whom, when, and how much; it cannot read letters. Over one PostgreSQL database any number of these
        may run.

        With --smarthost its people may write to e-mail addresses too, sealed letters only: they are handed on to that
        mail server, which then sees from whom to whom they go as well. Nothing comes in from there. Its password comes
        from a file, a credential of systemd (“smarthost-password”) or DEARLY_SMARTHOST_PASSWORD."""
    ),
    "dearly office serve --store post --listen 127.0.0.1:8410",
    "dearly office serve --store postgresql://db.test/post --listen 127.0.0.1:8410",
    group=office,
)
@_store
@option(
    "--listen", required=True, metavar="HOST:PORT", help=later("The address to listen at; port 0 takes a free one.")
)
@option("--tls-cert", metavar="FILE", help=later("The certificate, as PEM."))
@option("--tls-key", metavar="FILE", help=later("Its private key, as PEM."))
@option("--url", metavar="URL", help=later("Where people reach it, if a proxy stands before it; invitations say it."))
@option("--limits", metavar="FILE", help=later("A TOML file with limits other than the usual ones."))
@option(
    "--smarthost",
    metavar="URL",
    help=later(
        "The mail server for letters to the world: smtps://HOST or smtp+starttls://HOST:PORT; else none leaves."
    ),
)
@option(
    "--smarthost-from", "sender", metavar="ADDRESS", help=later("The sender of each envelope; failures come there.")
)
@option("--smarthost-user", "user", metavar="U", help=later("The name to sign in with there, where one has to."))
@option(
    "--smarthost-password-file",
    "secret_file",
    metavar="FILE",
    help=later("A file with the password that only you can read, or “-” for standard input."),
)
@option(
    "--smarthost-ca-file", "ca", metavar="FILE", help=later("The certificate of the authority that its own is from.")
)
def serve(
    errand: Errand,
    store: str,
    listen: str,
    tls_cert: str | None,
    tls_key: str | None,
    url: str | None,
    limits: str | None,
    smarthost: str | None,
    sender: str | None,
    user: str | None,
    secret_file: str | None,
    ca: str | None,
) -> None:
    """Serve."""
    from dearly.desk.offices import Serving

    if (tls_cert is None) != (tls_key is None):
        raise Usage(
            "half_tls",
            _("TLS needs both a certificate and its key."),
            _("Give --tls-cert FILE and --tls-key FILE, or neither."),
        )
    certificate, key, file = (errand.path(f) if f else None for f in (tls_cert, tls_key, limits))
    world = _to_world(errand, smarthost, sender, user, secret_file, ca)
    how = Serving(listen, certificate, key, url or "", file, world)

    def ready(url: str) -> None:
        said = [_("The office is open at {url}").format(url=url)]
        if world is not None:
            said.append(
                _("Letters to the world go by {server}; what comes back, comes to {address}.").format(
                    server=world.url, address=world.sender
                )
            )
        errand.tell({"url": url}, "\n".join(said))

    errand.run(errand.app.offices().serve(_place(errand, store), how, ready))


def _to_world(
    errand: Errand, url: str | None, sender: str | None, user: str | None, secret_file: str | None, ca: str | None
) -> ToWorld | None:
    from dearly.desk.offices import ToWorld

    if url is None:
        if any((sender, user, secret_file, ca)):
            raise Usage(
                "no_smarthost", _("No mail server is named for letters to the world."), _("Give --smarthost URL.")
            )
        return None
    if sender is None:
        raise Usage(
            "no_smarthost_sender",
            _("The mail server has to be told a sender that it takes letters from, and that failures go to."),
            _("Give --smarthost-from ADDRESS, of a mailbox that you read."),
        )
    password = secret_from(errand, secret_file, _("the password")) if secret_file else ""
    return ToWorld(url, sender, user or "", password, errand.path(ca) if ca else None)


@command(
    "invite",
    later(
        """Invite someone to this office.

        The invitation is good once, for a week. Give it to them in a way that you trust: they type or paste it into
        their desk, as it is. It carries the address of the office if the office has been served once."""
    ),
    "dearly office invite bert --store post",
    "dearly office invite bert --store post --qr bert.svg",
    group=office,
)
@click.argument("name", metavar="NAME")
@_store
@option("--qr", metavar="FILE", help=later("Write it as a QR picture too: FILE.svg or FILE.png; “-” is the terminal."))
def invite(errand: Errand, name: str, store: str, qr: str | None) -> None:
    """Invite."""
    if qr not in (None, "-") and not qr.endswith((".svg", ".png")):
        raise Usage("bad_picture", _("A QR picture is an .svg or a .png file."), _("Such as --qr bert.svg."))
    made = errand.app.offices().invite(_place(errand, store), name)
    page = Page(errand.terminal)
    errand.tell(
        made,
        lambda: "\n".join(
            [
                _("An invitation for {name}, good once, until {moment}:").format(
                    name=clean(made.name), moment=page.moment(made.expires)
                ),
                f"  {made.url or made.token}",
            ]
        ),
    )
    if qr is not None:
        _picture(errand, made.url or made.token, qr)


def _picture(errand: Errand, text: str, file: str) -> None:
    from io import StringIO

    import segno

    code = segno.make(text, error="m", micro=False)
    if file == "-":
        blocks = StringIO()
        code.terminal(out=blocks, border=2, compact=True)
        errand.terminal.out(blocks.getvalue())
        return
    try:
        code.save(str(errand.path(file)), scale=6)
    except OSError as trouble:
        raise file_trouble(trouble, file) from None


@command("accounts", later("Who is in this office."), "dearly office accounts --store post", group=office)
@_store
def accounts(errand: Errand, store: str) -> None:
    """List accounts."""
    found = errand.app.offices().accounts(_place(errand, store))
    page = Page(errand.terminal)

    def text() -> str:
        rows = [
            (
                clean(a.name),
                a.address,
                _("since {moment}").format(moment=page.moment(a.created)),
                _("{n} held, {size}").format(n=a.held, size=size(a.bytes)),
                "" if a.quota is None else _("of {size}").format(size=size(a.quota)),
            )
            for a in found
        ]
        return table(rows, errand.terminal.columns if errand.terminal.out_tty else None) or _(
            "Nobody is in this office yet."
        )

    errand.tell(many("accounts", found), text)


@command(
    "remove",
    later(
        """Close an account of this office.

        What still lies here for it is deleted."""
    ),
    "dearly office remove bert --store post",
    group=office,
)
@click.argument("name", metavar="NAME")
@_store
def remove(errand: Errand, name: str, store: str) -> None:
    """Remove an account."""
    errand.app.offices().remove(_place(errand, store), name)
    errand.tell({"removed": name}, _("The account of {name} is closed.").format(name=clean(name)))


@command(
    "renew-token",
    later(
        """Give an account a new token, because the old one may be known to others.

        The old one ends at once."""
    ),
    "dearly office renew-token bert --store post",
    group=office,
)
@click.argument("name", metavar="NAME")
@_store
def renew_token(errand: Errand, name: str, store: str) -> None:
    """Renew a token."""
    token, url = errand.app.offices().renew_token(_place(errand, store), name)
    errand.tell({"name": name, "token": token, "url": url}, url or token)


@command(
    "quota",
    later(
        """How much may lie in the office for an account.

        What is more is not lost: senders are told that the letterbox is full, and try again. Without --size, as much as
        for everybody."""
    ),
    "dearly office quota bert --size 2GB --store post",
    group=office,
)
@click.argument("name", metavar="NAME")
@option("--size", "most", metavar="SIZE", help=later("Such as 500MB, or 2GB."))
@_store
def quota(errand: Errand, name: str, most: str | None, store: str) -> None:
    """Set a quota."""
    account = errand.app.offices().quota(_place(errand, store), name, most)
    if account.quota is None:
        said = _("For {name} may lie here as much as for everybody.").format(name=clean(account.name))
    else:
        said = _("For {name} may lie here {size}.").format(name=clean(account.name), size=size(account.quota))
    errand.tell(account, said)


@command("stats", later("How much is in this office."), "dearly office stats --store post", group=office)
@_store
def stats(errand: Errand, store: str) -> None:
    """Count."""
    found = errand.app.offices().stats(_place(errand, store))
    lines = [
        _("{n} accounts").format(n=found.accounts),
        _("{n} parcels, {size}").format(n=found.parcels, size=size(found.bytes)),
        _("{n} invitations that nobody has used").format(n=found.invitations),
        _("{n} letters that wait to be handed on to the world").format(n=found.outgoing),
    ]
    errand.tell(found, "\n".join(lines))


@command(
    "copy",
    later(
        """Move an office to another store, while it runs.

        Everything is copied first; then the office takes nothing in for some seconds, while the rest is. From then on
        serve it from the new store: the old one stays as it is, and takes nothing in any more. If this is ended in the
        middle, the office goes on where it was, and the same command may be given again."""
    ),
    "dearly office copy --from post --to postgresql://office@db.example.org/office",
    group=office,
)
@option("--from", "source", required=True, metavar="STORE", help=later("Where the office is now."))
@option("--to", "target", required=True, metavar="STORE", help=later("Where it is to be; nothing lies there yet."))
def copy(errand: Errand, source: str, target: str) -> None:
    """Move."""
    with progress(errand.terminal, quiet=errand.json) as tell:
        done = errand.app.offices().move(_place(errand, source), _place(errand, target), tell)
    said = _("{accounts} accounts and {parcels} parcels are there. Nothing was taken in for {seconds} seconds.")
    errand.tell(
        done,
        "\n".join(
            [
                said.format(accounts=done.accounts, parcels=done.parcels, seconds=done.seconds),
                _("Serve the office from there now; here it takes nothing in any more."),
            ]
        ),
    )


@command(
    "backup",
    later(
        """Copy an office as it is at this moment into a new folder, while it runs.

        The copy is a store itself: “office serve” can serve it. Letters in it are sealed, like in the office."""
    ),
    "dearly office backup post-monday --store post",
    group=office,
)
@click.argument("folder", metavar="FOLDER")
@_store
def backup(errand: Errand, folder: str, store: str) -> None:
    """Back up."""
    with progress(errand.terminal, quiet=errand.json) as tell:
        done = errand.app.offices().backup(_place(errand, store), errand.path(folder), tell)
    said = _("{accounts} accounts and {parcels} parcels are copied to “{file}”.")
    errand.tell(done, said.format(accounts=done.accounts, parcels=done.parcels, file=shown(folder)))
