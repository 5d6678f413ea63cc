"""`office`: running a post office for a household or a club, and looking after its accounts."""

from __future__ import annotations

import click

from dearly.cli.as_json import many
from dearly.cli.as_text import Page
from dearly.cli.command import command, group, option
from dearly.cli.errand import Errand
from dearly.cli.layout import size, table
from dearly.cli.names import later
from dearly.letter.address import clean
from dearly.letter.errors import Usage
from dearly.letter.words import _

office = group("office", later("A post office for a household or a club. It keeps sealed letters, and can open none."))

_store = option("--store", required=True, metavar="PATH", help=later("Where the office keeps what it carries."))


@command(
    "serve",
    later(
        """Run an office, until it is ended.

        Away from this machine an office is reached by TLS only: give a certificate and its key. The office sees who
        writes to whom, when, and how much; it cannot read letters."""
    ),
    "dearly office serve --store post --listen 127.0.0.1:8410",
    group=office,
)
@_store
@option(
    "--listen", required=True, metavar="HOST:PORT", help=later("The address to listen at; port 0 takes a free one.")
)
@option("--tls-cert", metavar="FILE", help=later("The certificate, as PEM."))
@option("--tls-key", metavar="FILE", help=later("Its private key, as PEM."))
def serve(errand: Errand, store: str, listen: str, tls_cert: str | None, tls_key: str | None) -> None:
    """Serve."""
    if (tls_cert is None) != (tls_key is None):
        raise Usage(
            "half_tls",
            _("TLS needs both a certificate and its key."),
            _("Give --tls-cert FILE and --tls-key FILE, or neither."),
        )
    certificate, key = (errand.path(f) if f else None for f in (tls_cert, tls_key))

    def ready(url: str) -> None:
        errand.tell({"url": url}, _("The office is open at {url}").format(url=url))

    errand.run(errand.app.offices.serve(errand.path(store), listen, certificate, key, ready))


@command(
    "invite",
    later(
        """Invite someone to this office.

        The invitation is good once, for a week. Give it to them in a way that you trust."""
    ),
    "dearly office invite bert --store post",
    group=office,
)
@click.argument("name", metavar="NAME")
@_store
def invite(errand: Errand, name: str, store: str) -> None:
    """Invite."""
    made = errand.app.offices.invite(errand.path(store), name)
    page = Page(errand.terminal)
    errand.tell(
        made,
        lambda: "\n".join(
            [
                _("An invitation for {name}, good once, until {moment}:").format(
                    name=clean(made.name), moment=page.moment(made.expires)
                ),
                f"  {made.url}",
                f"  {made.token}",
            ]
        ),
    )


@command("accounts", later("Who is in this office."), "dearly office accounts --store post", group=office)
@_store
def accounts(errand: Errand, store: str) -> None:
    """List accounts."""
    found = errand.app.offices.accounts(errand.path(store))
    page = Page(errand.terminal)

    def text() -> str:
        rows = [
            (
                clean(a.name),
                a.address,
                _("since {moment}").format(moment=page.moment(a.created)),
                _("{n} held, {size}").format(n=a.held, size=size(a.bytes)),
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
    errand.app.offices.remove(errand.path(store), name)
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
    token = errand.app.offices.renew_token(errand.path(store), name)
    errand.tell({"name": name, "token": token}, token)
