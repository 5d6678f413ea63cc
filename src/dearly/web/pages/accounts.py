"""E-mail addresses: looked up, shown, tried, kept; and each looked after. The password never comes back to a page."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace

from starlette.responses import Response

from dearly.desk import account as verbs
from dearly.desk.account import AccountView, Checked
from dearly.desk.desk import Desk
from dearly.letter.account import MailAccount, OAuthClient, Protocol, Security, Server, SignIn
from dearly.letter.address import clean
from dearly.letter.errors import DearlyError, NotFound, Refused, Usage
from dearly.letter.suggestion import Suggestion, Told
from dearly.letter.words import _
from dearly.web import hints, when
from dearly.web.forms import Form
from dearly.web.visit import Pages, Visit

routes = Pages()

_FIELDS = ("address", "kind", "incoming", "incoming_security", "outgoing", "outgoing_security", "user", "folder")
_CLIENT = ("client_id", "client_secret", "authorize_url", "token_url", "scope")
_KINDS = (Protocol.IMAP, Protocol.POP3, Protocol.JMAP)


@routes.get("/settings/mail")
async def begin(visit: Visit) -> Response:
    """Room for an address."""
    return visit.show("account-new.html", address="", relay="", wrong="")


@routes.post("/settings/mail/find")
async def find(visit: Visit) -> Response:
    """What the provider says of itself, to be looked at; nothing of it is used yet."""
    form = await visit.form()
    address = form.text("address").strip()
    try:
        by_hand = bool(form.text("by_hand"))
        found = [] if by_hand else await verbs.find(visit.desk, address)
        where = verbs.mail_address(address)
    except DearlyError as error:
        return visit.show("account-new.html", status=400, said=error, address=address, relay="", wrong="address")
    best = found[0] if found else None
    given = _given(best.account if best else MailAccount(where, None, None))
    if best is not None and best.oauth is not None:
        hint = best.oauth
        given |= {"authorize_url": hint.authorize_url, "token_url": hint.token_url, "scope": hint.scope}
    return _settings(
        visit, given, found=_told(best) if best else "", elsewhere=_elsewhere(best), asked=not best and not by_hand
    )


@routes.post("/settings/mail/relay")
async def relay(visit: Visit) -> Response:
    """Have a relay make an address."""
    url = (await visit.form()).text("relay").strip()
    try:
        view = await verbs.add_relay(visit.desk, url)
    except DearlyError as error:
        return visit.show("account-new.html", status=400, said=error, address="", relay=url, wrong="relay")
    return visit.go(f"/settings/mail/{view.uid}")


@routes.post("/settings/mail")
async def keep(visit: Visit) -> Response:
    """Try the account as it stands in the form, and keep it where it works, or where it is to be kept anyway."""
    form = await visit.form()
    given = {name: form.text(name).strip() for name in (*_FIELDS, *_CLIENT)}
    given |= {"strangers": form.text("strangers"), "ca": ""}
    there = None
    try:
        there = await _there(visit.desk, given["address"])
        given["ca"] = _authority(form)  # a browser forgets a chosen file, and so the page brings it back itself
        made = _account(given)
        if form.text("act") == "sign_in":
            return await _sign_in(visit, _with_client(made, given))
        password = form.text("password")
        if form.text("act") != "untried":
            checked = await verbs.try_out(visit.desk, made, password)
            if not checked.fine:
                return _settings(visit, given, status=400, said=_not_kept(), checked=checked, there=there)
        view = await verbs.add(visit.desk, made, password)
    except DearlyError as error:
        return _settings(visit, given, status=400, said=error, there=there)
    return visit.go(f"/settings/mail/{view.uid}")


@routes.get("/settings/mail/{uid}")
async def show(visit: Visit, uid: str) -> Response:
    """One account."""
    return await _show(visit, uid)


@routes.post("/settings/mail/{uid}/check")
async def check(visit: Visit, uid: str) -> Response:
    """Try it, and say in words what works."""
    view, _made = await _named(visit.desk, uid)
    return await _show(visit, uid, await verbs.check(visit.desk, view.address))


@routes.get("/settings/mail/{uid}/change")
async def change(visit: Visit, uid: str) -> Response:
    """Its settings, to be changed."""
    there = await _named(visit.desk, uid)
    return _settings(visit, _given(there[1]), there=there)


@routes.get("/settings/mail/{uid}/remove")
async def ask_to_remove(visit: Visit, uid: str) -> Response:
    """Ask before it is taken away."""
    view, _made = await _named(visit.desk, uid)
    return visit.show("account-remove.html", view=view)


@routes.post("/settings/mail/{uid}/remove")
async def remove(visit: Visit, uid: str) -> Response:
    """Take it from the desk."""
    view, _made = await _named(visit.desk, uid)
    leave = bool((await visit.form()).text("leave"))
    try:
        gone = await verbs.remove(visit.desk, view.address, leave=leave)
    except Refused as error:
        return visit.show("account-remove.html", status=409, view=view, said=error)
    return visit.go("/outbox" if gone.held else "/settings")


@routes.get("/settings/mail/sign-in/{key}")
async def signed_in(visit: Visit, key: str) -> Response:
    """Whether the person has signed in at the provider meanwhile."""
    going = _signing_in(visit).get(key)
    if going is None:
        raise NotFound("no_such_page", _("There is no such page at this desk."))
    if not going.task.done():
        return visit.show("account-sign-in.html", url=going.url.result(), key=key, waited=True)
    del _signing_in(visit)[key]
    try:
        view = going.task.result()
    except DearlyError as error:
        return _settings(visit, going.given, status=400, said=error)
    return visit.go(f"/settings/mail/{view.uid}")


class _SigningIn:
    """Somebody who is away at their provider's, to sign in. `url`: where to; `task`: done when the account is kept."""

    def __init__(self, desk: Desk, made: MailAccount) -> None:
        self.given = _given(made)
        self.url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.task = asyncio.create_task(self._go(desk, made), name="sign-in")

    async def _go(self, desk: Desk, made: MailAccount) -> AccountView:
        secret = await verbs.sign_in(desk, made, self.url.set_result)
        return await verbs.add(desk, made, secret)


def _signing_in(visit: Visit) -> dict[str, _SigningIn]:
    found: dict[str, _SigningIn] = visit.face.extra.setdefault("accounts", {})
    return found


async def _sign_in(visit: Visit, made: MailAccount) -> Response:
    all_of_them = _signing_in(visit)
    for going in all_of_them.values():  # one at a time: whoever begins anew has given the other up
        going.task.cancel()
    all_of_them.clear()
    going, key = _SigningIn(visit.desk, made), secrets.token_hex(8)
    waited: list[asyncio.Future[str] | asyncio.Task[AccountView]] = [going.task, going.url]
    await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    if not going.url.done():
        going.task.result()  # raises
    url = going.url.result()
    if not url.startswith("https://"):
        going.task.cancel()
        raise Usage("bad_oauth_client", _("The address where one signs in does not begin with https."), "")
    all_of_them[key] = going
    return visit.show("account-sign-in.html", url=url, key=key, waited=False)


async def _show(visit: Visit, uid: str, checked: Checked | None = None) -> Response:
    view, made = await _named(visit.desk, uid)
    now = visit.desk.clock.local()
    spoken = ""
    if view.spoken is not None:
        here = view.spoken.astimezone(now.tzinfo)
        day = when.on(here.date(), now.date(), visit.dates)
        spoken = _("{day} at {clock}").format(day=day, clock=visit.dates.clock(here))
    both = made.incoming if made.incoming and made.incoming.protocol is Protocol.JMAP else None
    goes, comes = _said(made.outgoing or both), _said(made.incoming)
    return visit.show("account.html", view=view, comes=comes, goes=goes, spoken=spoken, tried=_tried(checked))


def _said(server: Server | None) -> str:
    """A server in words; "" for none."""
    if server is None:
        return ""
    kept = {Security.TLS: "TLS", Security.STARTTLS: "STARTTLS", Security.PLAIN: _("no encryption")}[server.security]
    return _("{server}, by {protocol} with {security}").format(
        server=clean(_line(server)), protocol=server.protocol.value.upper(), security=kept
    )


async def _named(desk: Desk, uid: str) -> tuple[AccountView, MailAccount]:
    for view in await verbs.list_all(desk):
        if view.uid == uid:
            return await verbs.show(desk, view.address)
    raise NotFound(
        "unknown_account",
        _("There is no such mail account at this desk."),
        _("The settings show the accounts that there are."),
    )


async def _there(desk: Desk, address: str) -> tuple[AccountView, MailAccount] | None:
    try:
        return await verbs.show(desk, address)
    except NotFound:
        return None


def _settings(
    visit: Visit,
    given: dict[str, str],
    *,
    status: int = 200,
    said: DearlyError | None = None,
    checked: Checked | None = None,
    found: str = "",
    elsewhere: str = "",
    asked: bool = False,
    there: tuple[AccountView, MailAccount] | None = None,
) -> Response:
    """The form with the servers. `asked`: the provider was asked, and nobody knew."""
    return visit.show(
        "account-servers.html",
        status=status,
        said=said,
        given=given,
        tried=_tried(checked),
        found=found,
        elsewhere=elsewhere,
        asked=asked,
        there=there[0] if there else None,
        refused=_refused(checked),
        kinds=[(kind.value, kind.value.upper()) for kind in _KINDS],
        securities=[
            ("", _("As the port tells")),
            (Security.TLS.value, _("TLS from the first word")),
            (Security.STARTTLS.value, _("TLS after a greeting (STARTTLS)")),
            (Security.PLAIN.value, _("None; on this machine only")),
        ],
    )


def _tried(checked: Checked | None) -> list[tuple[bool, str]]:
    """What was tried: whether it works, and in words; nothing where nothing was."""
    return [(one.fine, hints.without_commands(one.words)) for one in checked.checks] if checked else []


def _refused(checked: Checked | None) -> frozenset[str]:
    """What did not work, by its last word: `sign_in`, `secured`."""
    return frozenset(one.what.rpartition(".")[2] for one in checked.checks if not one.fine) if checked else frozenset()


def _given(made: MailAccount) -> dict[str, str]:
    """An account as the form has it."""
    server = made.incoming or made.outgoing
    client = made.oauth
    return {
        "address": str(made.address),
        "kind": (made.incoming.protocol if made.incoming else Protocol.IMAP).value,
        "incoming": _line(made.incoming),
        "incoming_security": made.incoming.security.value if made.incoming else "",
        "outgoing": _line(made.outgoing),
        "outgoing_security": made.outgoing.security.value if made.outgoing else "",
        "user": server.user if server else str(made.address),
        "folder": made.folder,
        "strangers": "yes" if made.strangers else "",
        "ca": made.ca or "",
        "client_id": client.client_id if client else "",
        "client_secret": "",
        "authorize_url": client.authorize_url if client else "",
        "token_url": client.token_url if client else "",
        "scope": client.scope if client else "",
    }


def _line(server: Server | None) -> str:
    if server is None:
        return ""
    if server.protocol is Protocol.JMAP:
        return server.url
    host = f"[{server.host}]" if ":" in server.host else server.host
    return f"{host}:{server.port}"


def _account(given: dict[str, str]) -> MailAccount:
    """The account that the form means. Raises `Usage`."""
    where = verbs.mail_address(given["address"])
    kind = next((one for one in _KINDS if one.value == given["kind"]), Protocol.IMAP)
    user = given["user"] or str(where)
    incoming = outgoing = None
    if given["incoming"]:
        incoming = verbs.stated(kind, given["incoming"], _security(given["incoming_security"]), user)
    if given["outgoing"] and kind is not Protocol.JMAP:
        outgoing = verbs.stated(Protocol.SMTP, given["outgoing"], _security(given["outgoing_security"]), user)
    return MailAccount(
        where,
        incoming,
        outgoing,
        ca=given["ca"] or None,
        folder=given["folder"],
        strangers=bool(given["strangers"]),
    )


def _security(value: str) -> Security | None:
    return next((one for one in Security if one.value == value), None)


def _authority(form: Form) -> str:
    """The authority that is trusted beside the machine's own, as PEM; "" for none. Raises `Usage`."""
    file = form.file("authority")
    if file is None:
        return form.text("ca") if form.text("keep_ca") else ""
    try:
        return file.data.decode("ascii")
    except UnicodeDecodeError:
        raise Usage(
            "bad_ca_file", _("The certificate of the authority cannot be read."), _("Give a PEM file.")
        ) from None


def _with_client(made: MailAccount, given: dict[str, str]) -> MailAccount:
    client = OAuthClient(
        given["client_id"], given["authorize_url"], given["token_url"], given["scope"], given["client_secret"]
    )
    return replace(made, sign_in=SignIn.OAUTH, oauth=client)


def _not_kept() -> Usage:
    return Usage(
        "account_not_working",
        _("It was not kept, for something does not work yet."),
        _("Correct it and try again; or keep it as it is, and look another day."),
    )


def _told(best: Suggestion) -> str:
    name = clean(best.name)
    match best.told:
        case Told.PROVIDER if name:
            return _("Found, as {name} says of itself. Look whether it can be right, then give the password.").format(
                name=name
            )
        case Told.PROVIDER:
            return _("Found, as your provider says of itself. Look whether it can be right, then give the password.")
        case Told.DIRECTORY | Told.HOST:
            return _(
                "Found in the public directory of providers. Look whether it can be right, then give the password."
            )
        case Told.DNS:
            return _(
                "Found in the name records of the domain, which prove nothing by themselves. Make sure that these are"
                " your provider’s servers before you give the password."
            )


def _elsewhere(best: Suggestion | None) -> str:
    if best is None or not best.elsewhere:
        return ""
    return _("Not under the domain of your address: {hosts}. Make sure that this is your provider.").format(
        hosts=", ".join(map(clean, best.elsewhere))
    )
