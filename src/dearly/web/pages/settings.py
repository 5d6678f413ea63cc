"""Settings: few, each said by what it does for the person. Choices that are made with one click keep themselves."""

from __future__ import annotations

from datetime import time

from starlette.responses import Response

from dearly.desk import keep, rounds, settings, setup
from dearly.desk.settings import WayView
from dearly.letter.envelope import Way
from dearly.letter.errors import DearlyError, Usage
from dearly.letter.words import _, ngettext
from dearly.web import when
from dearly.web.visit import Pages, Visit, told_by

routes = Pages()

_COOLING = (0, 10, 60, 180, 720, 1440)
_SOFT_LOCK = (2, 5, 10, 30, 60, 180)


async def _show(visit: Visit, said: DearlyError | None = None) -> Response:
    chosen = await settings.chosen(visit.desk)
    made, checked = await keep.last_copies(visit.desk)
    now = visit.desk.clock.local()
    return visit.show(
        "settings.html",
        status=400 if said else 200,
        said=said,
        chosen=chosen,
        ways=[(one, _way_name(one), _spoken(one, visit)) for one in await settings.ways(visit.desk)],
        hours=[f"{hour:%H:%M}" for hour in chosen.rounds],
        next_round=when.at(await rounds.next_round(visit.desk), now, visit.dates),
        cooling=_lengths(_COOLING, chosen.cooling_minutes),
        soft_lock=_lengths(_SOFT_LOCK, chosen.soft_lock_minutes),
        copied="" if made is None else when.on(made.astimezone(now.tzinfo).date(), now.date(), visit.dates),
        checked="" if checked is None else when.on(checked.astimezone(now.tzinfo).date(), now.date(), visit.dates),
        folder=visit.keeper.folder,
        languages=[("", _("As the browser asks")), ("en", "English"), ("de", "Deutsch")],
        themes=[("", _("As the system")), ("light", _("Day")), ("dark", _("Lamp"))],
        sizes=[("small", _("Small")), ("", _("Middle")), ("large", _("Large"))],
        most_rounds=settings.MOST_ROUNDS,
    )


@routes.get("/settings")
async def everything(visit: Visit) -> Response:
    """All of them on one page."""
    return await _show(visit)


@routes.post("/settings/look")
async def look(visit: Visit) -> Response:
    """Light, size of writing, language: each alone, or all together."""
    sent = await visit.json() if visit.wants_json else dict((await visit.form()).fields)
    wanted = {name: str(sent[name]) for name in ("language", "theme", "size") if name in sent}
    try:
        await settings.choose_look(visit.desk, **wanted)
    except DearlyError as error:
        return visit.reply({"error": {"code": error.code}}, 400) if visit.wants_json else await _show(visit, error)
    return visit.reply({"kept": True}) if visit.wants_json else visit.go("/settings#light")


@routes.post("/settings/rounds")
@told_by(_show)
async def set_rounds(visit: Visit) -> Response:
    """The hours of the day at which the desk goes to the post by itself."""
    form = await visit.form()
    await settings.choose_rounds(visit.desk, [_hour(text) for text in form.all("hour") if text.strip()])
    return visit.go("/settings#post")


@routes.post("/settings/cooling")
@told_by(_show)
async def set_cooling(visit: Visit) -> Response:
    """How long a posted letter can be taken back."""
    await settings.choose_cooling(visit.desk, _number((await visit.form()).text("minutes")))
    return visit.go("/settings#post")


@routes.post("/settings/place")
@told_by(_show)
async def set_place(visit: Visit) -> Response:
    """Where one usually writes."""
    await settings.choose_place(visit.desk, (await visit.form()).text("place"))
    return visit.go("/settings#writing")


@routes.post("/settings/lock")
@told_by(_show)
async def set_lock(visit: Visit) -> Response:
    """After how long the desk locks by itself."""
    await settings.choose_soft_lock(visit.desk, _number((await visit.form()).text("minutes")))
    return visit.go("/settings#keeping")


@routes.get("/settings/way")
async def way(visit: Visit) -> Response:
    """Add a way: an office by invitation, or the one of this machine."""
    return await _way(visit)


@routes.post("/settings/way")
async def join(visit: Visit) -> Response:
    """Join."""
    form = await visit.form()
    try:
        if form.text("post") == "local":
            await setup.join_local_office(visit.desk)
        else:
            authority = form.file("ca")
            await setup.join_by_invitation(
                visit.desk, form.text("url"), form.text("invitation"), authority.data if authority else b""
            )
    except DearlyError as error:
        return await _way(visit, error, form.text("url"))
    return visit.go("/settings")


async def _way(visit: Visit, said: DearlyError | None = None, url: str = "") -> Response:
    there = await settings.ways(visit.desk)
    return visit.show(
        "settings-way.html",
        status=400 if said else 200,
        said=said,
        url=url,
        local=any(one.local for one in there),
    )


def _way_name(way: WayView) -> str:
    if way.way is Way.MAIL:
        return _("E-mail")
    if way.way is not Way.OFFICE:
        return way.place
    return _("The office of this machine") if way.local else _("An office")


def _spoken(way: WayView, visit: Visit) -> str:
    """When a way was last heard of, as a sentence."""
    if way.spoken is None:
        return _("Not spoken to yet.")
    now = visit.desk.clock.local()
    here = way.spoken.astimezone(now.tzinfo)
    return _("Last spoken to {time}.").format(
        time=_("{day} at {clock}").format(
            day=when.on(here.date(), now.date(), visit.dates), clock=visit.dates.clock(here)
        )
    )


def _lengths(offered: tuple[int, ...], chosen: int) -> list[tuple[int, str, bool]]:
    """Lengths of time to choose from, the chosen one among them whatever it is."""
    return [(minutes, length(minutes), minutes == chosen) for minutes in sorted({*offered, chosen})]


def length(minutes: int) -> str:
    """A length of time in words."""
    if minutes == 0:
        return _("Not at all: it leaves with the next round")
    if minutes % 1440 == 0:
        return ngettext("One day", "{n} days", minutes // 1440).format(n=when.number(minutes // 1440))
    if minutes % 60 == 0:
        return ngettext("One hour", "{n} hours", minutes // 60).format(n=when.number(minutes // 60).capitalize())
    return ngettext("One minute", "{n} minutes", minutes).format(n=when.number(minutes).capitalize())


def _hour(text: str) -> time:
    try:
        return time.fromisoformat(text.strip())
    except ValueError:
        raise Usage(
            "bad_rounds", _("“{text}” is not an hour.").format(text=text.strip()[:20]), _("Write it as 08:00.")
        ) from None


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise Usage(
            "bad_choice", _("There is no such choice."), _("Load the page again, and choose one that it shows.")
        ) from None
