"""The address book: who they are, where letters reach them, by which key, and how letters went to and fro."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

from starlette.responses import Response

from dearly.desk import card, keys, people, person
from dearly.desk.person import AddressEntry, AddressKind, AddressWish, Exchange, PersonKind, Whole, read_day
from dearly.letter.errors import DearlyError, NotFound, Usage
from dearly.letter.words import _
from dearly.web import key_words, rhythm_words, when
from dearly.web.forms import Form
from dearly.web.visit import Pages, Visit

routes = Pages()

LARGEST_SENT = 66 << 20
"""Octets of a form with the picture of a card."""

_FIELDS = {
    "empty_name": "name",
    "bad_text": "name",
    "person_exists": "name",
    "bad_address": "address",
    "bad_date": "birthday",
    "bad_dates": "until",
    "bad_card": "card",
    "no_code": "picture",
    "no_card_in_code": "picture",
    "not_a_picture": "picture",
    "bad_picture": "picture",
    "too_many_pixels": "picture",
    "picture_too_large": "picture",
    "bad_certificate": "card",
}
"""Beside which field the sentence of an error stands."""


@routes.get("/people")
async def everybody(visit: Visit) -> Response:
    """The list, and nobody chosen yet."""
    return await beside_list(visit, "people.html")


@routes.get("/people/new")
async def new(visit: Visit) -> Response:
    """Add someone: by their card, or by hand."""
    return await beside_list(visit, "person-new.html", given={}, wrong="")


@routes.post("/people/new", body=LARGEST_SENT)
async def add(visit: Visit) -> Response:
    """Take in a card or a picture of one; else what was filled in."""
    form = await visit.form()
    try:
        uid = await _add(visit, form)
    except DearlyError as error:
        given = {name: form.text(name) for name in ("name", "address", "postal", "pasted", "kind", "how")}
        return await beside_list(visit, "person-new.html", status=400, said=error, given=given, wrong=_wrong(error))
    return visit.go(f"/people/{uid}")


async def _add(visit: Visit, form: Form) -> str:
    name = form.text("name").strip()
    if form.text("how") != "card":
        wishes = [
            AddressWish(AddressKind.EMAIL, form.text("address").strip()),
            AddressWish(AddressKind.POSTAL, form.text("postal").strip()),
        ]
        kind = PersonKind(form.text("kind")) if form.text("kind") in set(PersonKind) else PersonKind.PERSON
        return (await person.add(visit.desk, name, kind, wishes)).uid
    if picture := form.file("picture"):
        return (await card.add_from_picture(visit.desk, picture.data, name)).uid
    file, pasted = form.file("card"), form.text("pasted").strip()
    if file is None and not pasted:
        raise Usage(
            "bad_card",
            _("There is no card here yet."),
            _("Choose a file, paste the text of a card, or choose a picture of its code."),
        )
    vcard = file.data if file is not None else pasted.encode()
    return (await people.add(visit.desk, name, vcard=vcard)).uid


@routes.get("/people/{uid}")
async def one(visit: Visit, uid: str) -> Response:
    """Someone, with everything that is known."""
    return await show_one(visit, await whole(visit, uid))


@routes.get("/people/{uid}/edit")
async def edit(visit: Visit, uid: str) -> Response:
    """What can be changed about someone."""
    who = await whole(visit, uid)
    given = {"name": who.name, "birthday": who.birthday, "note": who.note}
    return await beside_list(visit, "person-edit.html", who=who, given=given, wrong="")


@routes.post("/people/{uid}/edit")
async def change(visit: Visit, uid: str) -> Response:
    """Name, birthday and note."""
    who, form = await whole(visit, uid), await visit.form()
    given = {name: form.text(name) for name in ("name", "birthday", "note")}
    try:
        await person.change(visit.desk, who.uid, **given)
    except DearlyError as error:
        return await beside_list(
            visit, "person-edit.html", status=400, said=error, who=who, given=given, wrong=_wrong(error)
        )
    return visit.go(f"/people/{who.uid}")


@routes.get("/people/{uid}/address")
async def new_address(visit: Visit, uid: str) -> Response:
    """Room for one more address."""
    who = await whole(visit, uid)
    return await beside_list(visit, "person-address.html", who=who, entry=None, given={}, wrong="")


@routes.post("/people/{uid}/address")
async def add_address(visit: Visit, uid: str) -> Response:
    """One more address."""
    who, form = await whole(visit, uid), await visit.form()
    try:
        await person.add_address(visit.desk, who.uid, _wish(form))
    except DearlyError as error:
        return await _address_again(visit, who, None, form, error)
    return visit.go(f"/people/{who.uid}")


@routes.get("/people/{uid}/address/{entry:int}")
async def address(visit: Visit, uid: str, entry: int) -> Response:
    """What is said about an address: from when until when, care of whom."""
    who = await whole(visit, uid)
    there = _entry(who, entry)
    given = {
        "label": there.label,
        "care_of": there.care_of,
        "since": _iso(there.since),
        "until": _iso(there.until),
        "hold_until": _iso(there.hold_until),
    }
    return await beside_list(visit, "person-address.html", who=who, entry=there, given=given, wrong="")


@routes.post("/people/{uid}/address/{entry:int}")
async def change_address(visit: Visit, uid: str, entry: int) -> Response:
    """Say it anew."""
    who, form = await whole(visit, uid), await visit.form()
    there = _entry(who, entry)
    try:
        await person.change_address(visit.desk, who.uid, entry, _wish(form, there.kind))
    except DearlyError as error:
        return await _address_again(visit, who, there, form, error)
    return visit.go(f"/people/{who.uid}")


@routes.post("/people/{uid}/address/{entry:int}/end")
async def end_address(visit: Visit, uid: str, entry: int) -> Response:
    """It is not good any more; it stays in the book."""
    who = await whole(visit, uid)
    await person.end_address(visit.desk, who.uid, entry)
    return visit.go(f"/people/{who.uid}")


@routes.get("/people/{uid}/more")
async def more(visit: Visit, uid: str) -> Response:
    """The rare acts: make one of two entries, belong to a household, take out of the book."""
    return await _more(visit, await whole(visit, uid))


@routes.post("/people/{uid}/merge")
async def merge(visit: Visit, uid: str) -> Response:
    """Another entry was this person all along."""
    who, form = await whole(visit, uid), await visit.form()
    try:
        await people.merge(visit.desk, who.uid, _uid(form.text("other")))
    except DearlyError as error:
        return await _more(visit, who, error)
    return visit.go(f"/people/{who.uid}")


@routes.post("/people/{uid}/join")
async def join(visit: Visit, uid: str) -> Response:
    """Belong to a household or circle."""
    who, form = await whole(visit, uid), await visit.form()
    try:
        await person.join(visit.desk, _uid(form.text("group")), who.uid)
    except DearlyError as error:
        return await _more(visit, who, error)
    return visit.go(f"/people/{who.uid}")


@routes.post("/people/{uid}/leave")
async def leave(visit: Visit, uid: str) -> Response:
    """Belong to it no longer."""
    who, form = await whole(visit, uid), await visit.form()
    await person.leave(visit.desk, _uid(form.text("group")), who.uid)
    return visit.go(f"/people/{who.uid}")


@routes.post("/people/{uid}/remove")
async def remove(visit: Visit, uid: str) -> Response:
    """Take someone out of the book; the letters stay."""
    who, form = await whole(visit, uid), await visit.form()
    if form.text("sure") != "yes":
        said = Usage("not_sure", _("Nothing was done."), _("Tick the line that says you mean it."))
        return await _more(visit, who, said)
    await people.remove(visit.desk, who.uid)
    return visit.go("/people")


async def show_one(visit: Visit, who: Whole, said: DearlyError | None = None) -> Response:
    """The page of someone."""
    today = visit.desk.clock.local().date()
    used = who.used[0] if len(who.used) == 1 else None
    words = await keys.words_of(used.fingerprint) if used is not None and used.state == "verified" else ()
    return await beside_list(
        visit,
        "person.html",
        said=said,
        who=who,
        facts=_facts(who, today, visit),
        band=rhythm_words.band(who.rhythm(today).band),
        line=_line(who.lately, today),
        months=[visit.dates.month_short(first) for first in _months(today)],
        used=used,
        key=key_words.of(who, used, visit.dates),
        keys=[(one, key_words.of(who, one, visit.dates)) for one in who.changed],
        several=[(one, key_words.of(who, one, visit.dates)) for one in who.used] if len(who.used) > 1 else [],
        old=[(one, key_words.of(who, one, visit.dates)) for one in who.left],
        words=words,
        groups_of_four=key_words.in_groups,
        spans={entry.entry: span(entry, today, visit) for entry in who.addresses},
        birthday=_birthday(who.birthday, visit),
    )


async def _more(visit: Visit, who: Whole, said: DearlyError | None = None) -> Response:
    others = [other for other in await person.everybody(visit.desk) if other.uid != who.uid]
    return await beside_list(
        visit,
        "person-more.html",
        status=400 if said else 200,
        said=said,
        who=who,
        others=others,
        circles=[other for other in others if other.kind != "person" and other not in who.groups],
    )


async def _address_again(
    visit: Visit, who: Whole, entry: AddressEntry | None, form: Form, error: DearlyError
) -> Response:
    names = ("kind", "text", "label", "care_of", "since", "until", "hold_until")
    given = {name: form.text(name) for name in names}
    wrong = {"address": "text", "birthday": "since", "name": "label"}.get(_wrong(error), _wrong(error))
    return await beside_list(
        visit, "person-address.html", status=400, said=error, who=who, entry=entry, given=given, wrong=wrong
    )


async def beside_list(visit: Visit, template: str, **values: Any) -> Response:
    """A page beside the list of everybody."""
    values = {"who": None, "folk": await person.everybody(visit.desk), **values}
    return visit.show(template, **values)


async def whole(visit: Visit, uid: str) -> Whole:
    """Someone, by uid. Raises `NotFound` (unknown_person)."""
    return await person.whole(visit.desk, _uid(uid))


def _uid(text: str) -> str:
    """A uid and nothing else: what stands in an address is never a name. Raises `NotFound` (unknown_person)."""
    if re.fullmatch(r"[0-9a-f]{32}", text) is None:
        raise NotFound(
            "unknown_person", _("There is nobody of this kind in the address book."), _("Choose someone in the list.")
        )
    return text


def _entry(who: Whole, entry: int) -> AddressEntry:
    found = next((there for there in who.addresses if there.entry == entry), None)
    if found is None:
        raise NotFound("unknown_address", _("{name} has no such address in the address book.").format(name=who.name))
    return found


def _wish(form: Form, kind: AddressKind | None = None) -> AddressWish:
    given = form.text("kind")
    return AddressWish(
        kind or (AddressKind.POSTAL if given == "postal" else AddressKind.EMAIL),
        form.text("text").strip(),
        form.text("label").strip(),
        form.text("care_of").strip(),
        read_day(form.text("since")),
        read_day(form.text("until")),
        read_day(form.text("hold_until")),
    )


def _wrong(error: DearlyError) -> str:
    return _FIELDS.get(error.code, "")


def _iso(day: date | None) -> str:
    return "" if day is None else day.isoformat()


def _facts(who: Whole, today: date, visit: Visit) -> str:
    """How long there have been letters, and which was the last."""
    last = who.rhythm(today).last
    if who.first is None or last is None:
        return _("You have not written to each other yet.")
    since = _("Letters since {year}.").format(year=who.first.date.year)
    if last.ours:
        said = _("The last one is yours, of {day}.").format(day=visit.dates.day(last.day))
    else:
        said = _("The last one came {day}.").format(day=when.on(last.day, today, visit.dates))
    return f"{since} {said}"


def _months(today: date) -> list[date]:
    """The first days of the last twelve months, oldest first."""
    months = [today.year * 12 + today.month - 1 - back for back in range(11, -1, -1)]
    return [date(month // 12, month % 12 + 1, 1) for month in months]


def _line(lately: tuple[Exchange, ...], today: date) -> dict[str, str] | None:
    """The ticks of the last twelve months on a line 720 wide: theirs above, ours below. None where there are none."""
    first = _months(today)[0]
    width = (_next_month(today) - first).days
    ours: list[str] = []
    theirs: list[str] = []
    for letter in lately:
        day = letter.date.date()
        if not first <= day <= today + timedelta(days=1):
            continue
        x = round((day - first).days * 720 / width, 1)
        (ours if letter.ours else theirs).append(f"M{x} 48V70" if letter.ours else f"M{x} 32V10")
    return {"ours": "".join(ours), "theirs": "".join(theirs)} if ours or theirs else None


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def span(entry: AddressEntry, today: date, visit: Visit) -> str:
    """From when until when, in few words; what kind of address it is where no day is known."""
    dates, since, until = visit.dates, entry.since, entry.until
    if since is not None and until is not None and until < since:
        return _("Never used")  # ended before it began
    if since is not None and until is not None:
        if since.year == until.year == today.year:
            return _("{first} to {last}").format(first=dates.day_of_year(since), last=dates.day_of_year(until))
        return _("{first} to {last}").format(first=dates.day(since), last=dates.day(until))
    if since is not None:
        known = dates.day(since) if since > today else dates.month(since)
        return (_("From {day}") if since > today else _("Since {day}")).format(day=known)
    if until is not None:
        return _("Until {day}").format(day=dates.day(until))
    return kind_words(entry.kind)


def kind_words(kind: AddressKind) -> str:
    """By what post an address is reached."""
    return {
        AddressKind.EMAIL: _("By mail"),
        AddressKind.OFFICE: _("By the office"),
        AddressKind.POSTAL: _("On paper"),
    }[kind]


def _birthday(text: str, visit: Visit) -> str:
    """A birthday in words; with its year where that is known."""
    if not text:
        return ""
    if text.startswith("--"):
        return visit.dates.day_of_year(date(2000, int(text[2:4]), int(text[5:7])))
    return visit.dates.day(date.fromisoformat(text))
