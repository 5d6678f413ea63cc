"""Act 1 to 3: the page, the drawer, reading over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from dearly.desk import lists, routes, views
from dearly.desk.desk import Desk
from dearly.desk.notices import notices
from dearly.desk.values import LetterView, ReadOver, VersionView
from dearly.drawer import accounts, outbox, people
from dearly.drawer import drafts as pages
from dearly.drawer.connection import Db
from dearly.letter.address import Address, Correspondent
from dearly.letter.content import Draft, Enclosure, check
from dearly.letter.errors import CannotSealOrOpen, DearlyError, NotFound, Usage
from dearly.letter.failpoint import reach
from dearly.letter.journey import Act
from dearly.letter.words import _


async def write(
    desk: Desk, to: Sequence[str], text: str, subject: str = "", enclosures: Sequence[Enclosure] = ()
) -> LetterView:
    """Begin a draft to the people named. Raises `NotFound` (unknown_person) and `Usage` (no_recipient)."""
    now = desk.clock.now()

    def work(db: Db) -> LetterView:
        draft = Draft(recipients(db, to), subject, text, tuple(enclosures))
        page = pages.new(db, draft, now=now, chance=desk.chance)
        reach("draft.before-commit")
        return views.draft_view(page)

    kept = await desk.drawer.write(work)
    reach("draft.after-commit")
    return kept


def recipients(db: Db, names: Sequence[str]) -> tuple[Correspondent, ...]:
    """Whom the names mean: people in the address book, or bare addresses. Households and circles give their members."""
    if not names:
        raise Usage("no_recipient", _("This letter names nobody it should go to."), _("Say who it is for."))
    found: dict[str, Correspondent] = {}
    for name in names:
        for who in _meant(db, name):
            found.setdefault(who.address.key, who)
    return tuple(found.values())


def _meant(db: Db, name: str) -> list[Correspondent]:
    try:
        person = people.find(db, name)
    except NotFound as unknown:
        if "@" not in name or unknown.code != "unknown_person":
            raise
        return [Correspondent("", Address.parse(name))]
    if person.members:
        return [_reached(db, people.show(db, member)) for member in person.members]
    if "@" in name:
        return [Correspondent(person.name, Address.parse(name))]
    return [_reached(db, person)]


def _reached(db: Db, person: people.Person) -> Correspondent:
    """A person at their first current address to which letters of ours leave by themselves, else at the first one."""
    current = [known.address for known in person.addresses if known.until is None and known.address is not None]
    served = accounts.list_all(db)
    for address in sorted(current, key=lambda address: not routes.leaves_by_itself(address, served)):
        return Correspondent(person.name, address)
    raise Usage(
        "no_address",
        _("No address of {name} is known that a letter could go to.").format(name=person.name),
        _("Add one with “dearly people edit”, or take in their card."),
    )


async def drafts(desk: Desk) -> list[LetterView]:
    """Every draft, on the page or put away, the last begun first."""
    return await desk.drawer.read(lists.written)


async def edit(
    desk: Desk, number: int, *, text: str | None = None, subject: str | None = None, to: Sequence[str] | None = None
) -> LetterView:
    """Change what is given. The text before it stays as a version."""
    now = desk.clock.now()

    def work(db: Db) -> LetterView:
        page = pages.load(db, number)
        changed = replace(
            page.draft,
            text=page.draft.text if text is None else text,
            subject=page.draft.subject if subject is None else subject,
            to=page.draft.to if to is None else recipients(db, to),
        )
        if changed.text != page.draft.text:
            pages.cut_version(db, number, pages.Why.LEAVING, now)
        pages.save(db, number, changed, based_on=page.revision, now=now)
        reach("draft.before-commit")
        return views.draft_view(pages.load(db, number))

    kept = await desk.drawer.write(work)
    reach("draft.after-commit")
    return kept


async def enclose(desk: Desk, number: int, enclosures: Sequence[Enclosure]) -> LetterView:
    """Enclose files. Raises `Refused` (too_large)."""
    now = desk.clock.now()
    return await desk.drawer.write(lambda db: views.draft_view(pages.enclose(db, number, enclosures, now)))


async def put_away(desk: Desk, number: int, until: date | None) -> LetterView:
    """Put it into the drawer on purpose, with a day to look at it again, or none. Nothing will nag."""
    now = desk.clock.now()
    return await desk.drawer.write(lambda db: views.draft_view(pages.put_away(db, number, until, now)))


async def take_out(desk: Desk, number: int) -> LetterView:
    """Take it out of the drawer, back to the page."""
    return await desk.drawer.write(lambda db: views.draft_view(pages.take_out(db, number)))


async def drop(desk: Desk, number: int) -> None:
    """Throw a draft away; or, for a letter that has not arrived, try no further (it stays in the correspondence)."""
    now = desk.clock.now()

    def work(db: Db) -> None:
        try:
            pages.drop(db, number)
        except NotFound as gone:
            if gone.code != "already_posted":
                raise
            outbox.act(db, number, Act.GIVE_UP, now)

    await desk.drawer.write(work)


async def drop_page(desk: Desk, number: int) -> None:
    """Throw a draft away, and nothing but a draft: a letter that was posted meanwhile stays. Raises `NotFound`."""
    await desk.drawer.write(lambda db: pages.drop(db, number))


async def versions(desk: Desk, number: int) -> list[VersionView]:
    """Earlier states of a draft, or of a letter that was one, the last first."""

    def work(db: Db) -> list[VersionView]:
        return [
            VersionView(one.version, one.at, one.why.value, one.words, pages.version_text(db, number, one.version))
            for one in pages.versions(db, number)
        ]

    return await desk.drawer.read(work)


async def restore(desk: Desk, number: int, version: int) -> LetterView:
    """Make an earlier state the current one; what stood there before stays as a version."""
    now = desk.clock.now()

    def work(db: Db) -> LetterView:
        page = pages.load(db, number)
        return views.draft_view(pages.restore(db, number, version, based_on=page.revision, now=now))

    return await desk.drawer.write(work)


async def keep_as_read(desk: Desk, number: int) -> None:
    """Keep the page as a version before it is read over. Raises `NotFound` (no_draft, already_posted)."""
    now = desk.clock.now()
    await desk.drawer.write(lambda db: pages.cut_version(db, number, pages.Why.READ_OVER, now))


async def read_over(desk: Desk, number: int) -> ReadOver:
    """The draft as its reader will see it, what its seal will be worth, and what a friend would notice."""
    await keep_as_read(desk, number)
    page = await desk.drawer.read(lambda db: pages.load(db, number))
    draft = await desk.drawer.read(lambda db: pages.whole(db, number))
    try:
        check(draft)
        route = await routes.find(desk, page, by=None)
        plan = await routes.plan(desk, route)
        seal = routes.seal_in_words(route, plan)
        way = route.legs[0].way
    except CannotSealOrOpen as cannot:
        seal, way = cannot.told, None
    except DearlyError as trouble:
        seal, way = trouble.message, None
    return ReadOver(views.draft_view(page), tuple(notices(draft)), seal, way)
