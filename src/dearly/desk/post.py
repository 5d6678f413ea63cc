"""Act 4 and 5: the envelope, the seal, posting; and the outbox.

Posting is one transaction. From its commit on the letter is in the outbox, sealed (or, dated further than a week
ahead, to be sealed on the day), and it leaves exactly once. The network is not touched here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from dearly.desk import dateline, indexing, lists, pictures, routes, style, views
from dearly.desk.desk import Desk
from dearly.desk.routes import By
from dearly.desk.values import LetterView, OutboxRow
from dearly.drawer import accounts, drafts, keyring, letters, settings
from dearly.drawer import outbox as out
from dearly.drawer.connection import Db
from dearly.letter import ledger
from dearly.letter.address import Correspondent
from dearly.letter.content import Draft, Letter, check, finish
from dearly.letter.envelope import Envelope, SealedBytes, SealedLetter, Way, usual_way
from dearly.letter.errors import CannotSealOrOpen, NotFound, Refused, Usage
from dearly.letter.failpoint import reach
from dearly.letter.journey import Act, State
from dearly.letter.journey import Why as HeldWhy
from dearly.letter.sealing import Seal
from dearly.letter.words import _
from dearly.mime import pgpmime, write
from dearly.seal.values import SealPlan

COOLING = timedelta(hours=1)
"""Time between posting and the first collection, in which a letter can be taken back; the setting `cooling_minutes`."""

EARLIEST = time(8)
"""The hour of the local day at which a letter dated forward leaves."""


async def post(
    desk: Desk,
    number: int,
    *,
    at_once: bool = False,
    on: date | None = None,
    by: Way | None = None,
    unsealed: bool = False,
) -> list[OutboxRow]:
    """Post a draft; or, for a letter that is held, uncertain, trying or came back, post it again, which is an act.

    `on`: the local day on which it leaves, months or years ahead too. Posting twice posts once (F48). Raises
    `CannotSealOrOpen` (no_key, no_way ...), `Usage` (empty_letter, bad_date), `Refused`."""
    async with desk.posting:
        page = await _page(desk, number, _Wish(at_once, on, by, unsealed))
        return await (_again(desk, number) if page is None else _post(desk, page))


async def post_page(
    desk: Desk,
    number: int,
    revision: int,
    *,
    at_once: bool = False,
    on: date | None = None,
    by: By = None,
    unsealed: bool = False,
) -> list[OutboxRow]:
    """Post a draft as it was at `revision`, by ways that may differ for its readers (`routes.By`).

    One that was posted meanwhile stays as it is, wherever it has got to: an envelope closed twice is never another
    posting (F48). Raises as `post`, and `RevisionMismatch` when the page was changed since."""
    async with desk.posting:
        page = await _page(desk, number, _Wish(at_once, on, by, unsealed), revision)
        return await (rows(desk, number) if page is None else _post(desk, page))


async def again(desk: Desk, number: int) -> list[OutboxRow]:
    """Post a letter again that is held, being tried, uncertain or came back: an act of the person. Any other stays as
    it is. Raises `NotFound` (no_letter), `CannotSealOrOpen`."""
    async with desk.posting:
        return await _again(desk, number)


async def give_up(desk: Desk, number: int) -> list[OutboxRow]:
    """Try no further to bring a letter to those who do not have it; it stays in the correspondence. Raises `Refused`
    (impossible_step), `NotFound` (no_letter)."""
    now = desk.clock.now()

    def work(db: Db) -> list[OutboxRow]:
        out.act(db, number, Act.GIVE_UP, now)
        return [views.outbox_row(travel) for travel in out.travels(db, number)]

    # Not beside a round, which may be handing it over at this moment.
    async with desk.turn:
        return await desk.drawer.write(work)


async def rows(desk: Desk, number: int) -> list[OutboxRow]:
    """The journeys of one letter. Raises `NotFound` (no_letter)."""
    return await desk.drawer.read(lambda db: [views.outbox_row(travel) for travel in out.travels(db, number)])


@dataclass(frozen=True, slots=True)
class _Wish:
    """What was said of a posting, as `post` is told it."""

    at_once: bool
    on: date | None
    by: By
    unsealed: bool


@dataclass(frozen=True, slots=True)
class _Page:
    """A draft and all that its posting needs to know, out of one look into the drawer. `draft`: as it goes; `no`: our
    number of it in the correspondence."""

    number: int
    revision: int
    wish: _Wish
    draft: Draft
    leaves: datetime
    route: routes.Route
    name: str
    no: int | None
    readers: style.Readers


async def _page(desk: Desk, number: int, wish: _Wish, revision: int | None = None) -> _Page | None:
    """A draft that may be posted so; None where it is a letter by now. Raises as `post_page`."""

    def look(db: Db) -> _Page | None:
        try:
            page = drafts.load(db, number)
        except NotFound as gone:
            if gone.code != "already_posted":
                raise
            return None
        if revision is not None and page.revision != revision:
            raise drafts.RevisionMismatch(page.revision)
        draft = pictures.as_posted(drafts.whole(db, number))
        check(draft)
        if wish.unsealed:
            _may_go_unsealed(db, page, wish.by)
        leaves = _leaves(db, desk, wish)
        route = routes.of_page(db, page, wish.by)
        name, no, readers = settings.get(db, "name", ""), _letter_no(db, route), style.readers_of(db, route, None)
        return _Page(number, page.revision, wish, draft, leaves, route, name, no, readers)

    return await desk.drawer.read(look)


async def _post(desk: Desk, page: _Page) -> list[OutboxRow]:
    number, route, unsealed = page.number, page.route, page.wish.unsealed
    now = desk.clock.now()
    dated = page.leaves - now > out.SEAL_WITHIN
    # A letter dated far ahead is planned now all the same, so that a missing key is known today and not in a year.
    plan = None if unsealed else await routes.plan(desk, route)
    letter = finish(page.draft, Correspondent(page.name, route.sender), desk.clock, desk.chance, page.no)
    if page.wish.on is not None:
        letter = replace(letter, date=page.leaves)
    letter = replace(letter, text=dateline.headed(page.draft.place, letter.date.date(), letter.text))
    forms = [] if dated else await _forms(desk, letter, route, plan, page.readers)
    state = State.DATED if dated else State.WAITING
    legs = [out.Leg(leg.recipient, leg.person, leg.way, leg.place, page.leaves, state) for leg in route.legs]

    def work(db: Db) -> list[OutboxRow]:
        posted = out.post(db, number, letter, legs, forms, based_on=page.revision, postcard=unsealed, now=now)
        if not posted.again and not unsealed:
            for leg in route.legs:
                if leg.person is not None:
                    keyring.mark_used(db, leg.person, leg.recipient, now)
        indexing.index(db, posted.number)
        reach("post.before-commit")
        return [views.outbox_row(travel) for travel in out.travels(db, posted.number)]

    posted_rows = await desk.drawer.write(work)
    reach("post.after-commit")
    return posted_rows


async def take_back(desk: Desk, number: int) -> LetterView:
    """Undo a posting that has not been collected: the draft lies on the page again. Raises `Refused`."""
    now = desk.clock.now()
    # Not while a round is handing over: it would find the letter gone between reading it and recording the attempt.
    async with desk.turn:
        return await desk.drawer.write(lambda db: views.draft_view(out.take_back(db, number, now)))


async def outbox(desk: Desk) -> list[OutboxRow]:
    """Every journey, the last posted letter first."""
    now = desk.clock.now()
    return await desk.drawer.read(lambda db: lists.outbox(db, now))


_RESTING = frozenset({State.HELD, State.UNCERTAIN, State.CAME_BACK, State.TRYING})
"""Where a letter waits for the person's word, or would be glad of it."""

_HERE = frozenset({State.WAITING, State.DATED, State.HELD})
"""Where a letter lies here that nobody has tried to hand over."""

_FOR_KEY = frozenset({HeldWhy.KEY_CHANGED.value, HeldWhy.KEY_UNUSABLE.value})


async def _again(desk: Desk, number: int) -> list[OutboxRow]:
    now = desk.clock.now()
    travels = await desk.drawer.read(lambda db: out.travels(db, number))
    resting = [travel for travel in travels if travel.journey.state in _RESTING]
    if not resting:
        return [views.outbox_row(travel) for travel in travels]  # posted before, and on its way: one letter (F48)
    for_key = [t for t in resting if t.journey.state is State.HELD and t.journey.reason in _FOR_KEY]
    # What was tried before it was held has a form that is final: released, it would go sealed to the key set aside.
    stays = [travel for travel in for_key if travel.journey.attempts]
    go = [travel for travel in resting if travel not in stays]
    if not go:
        raise Refused(
            "sealed_to_another_key",
            _("This letter was tried before the key it is sealed to was set aside, so it stays here."),
            _(
                "Carry it (“dearly hand out {number} FILE”), or write it anew (“dearly write NAME --again {number}”)."
            ).format(number=number),
        )
    if len(for_key) > len(stays):
        await seal_anew(desk, number)
    await _still_leads_there(desk, go)

    def work(db: Db) -> list[OutboxRow]:
        for recipient, held in dict.fromkeys((t.journey.recipient, t.journey.state is State.HELD) for t in go):
            out.act(db, number, Act.RELEASE if held else Act.POST_AGAIN, now, recipient)
        return [views.outbox_row(travel) for travel in out.travels(db, number)]

    key = desk.chance.token(16).hex()

    def decided(db: Db) -> list[OutboxRow]:
        for n, travel in enumerate(go):
            if _came_back_abroad(travel):
                out.with_new_key(db, travel, f"{key[:-4]}{n:04x}", now)
        return work(db)

    # Not beside a round: what it is just looking for may turn out to have been accepted.
    async with desk.turn:
        return await desk.drawer.write(decided)


_SAID_BY_OFFICE = re.compile(r"4\d\d 4\.")
"""How the reason begins where an office told that it cannot say whether a letter has left; a broken line has words."""


def _came_back_abroad(travel: out.Travel) -> bool:
    """Whether an office, which hands a letter on to the world once and never again by itself, has said what became of
    it: posted again, it is another handing over. What is only unheard of is asked for by the key that it had."""
    if travel.way is not Way.OFFICE or usual_way(travel.journey.recipient) is not Way.MAIL:
        return False
    told = _SAID_BY_OFFICE.match(travel.journey.reason) is not None
    return travel.journey.state is State.CAME_BACK or (travel.journey.state is State.UNCERTAIN and told)


async def _still_leads_there(desk: Desk, travels: Sequence[out.Travel]) -> None:
    """Raises `CannotSealOrOpen` (account_gone) where the account was removed by which a letter was to leave."""
    served = await desk.drawer.read(lambda db: {(one.way, one.place) for one in accounts.list_all(db)})
    for travel in travels:
        to_leave = travel.way in (Way.OFFICE, Way.MAIL) and travel.journey.state in _RESTING
        if to_leave and (travel.way, travel.place) not in served:
            raise CannotSealOrOpen(
                "account_gone",
                _("The account {place}, by which this letter was to leave, is no longer at this desk.").format(
                    place=travel.place
                ),
                _("Add it again, or take the letter back and give it another way."),
            )


async def seal_anew(desk: Desk, number: int) -> None:
    """Seal a letter for those for whom it has no form yet, or one that no attempt has used: with the keys in use now.
    What others were brought already, or was given up for them, stays as it is.

    Raises `CannotSealOrOpen`, and `Refused` (already_collected) when an attempt has used the form meanwhile."""

    def read(db: Db) -> tuple[Letter, list[out.Travel], bool]:
        unused = [one for one in out.travels(db, number) if not one.journey.attempts and one.journey.state in _HERE]
        return letters.content(db, number), unused, letters.letter(db, number).postcard

    letter, travels, postcard = await desk.drawer.read(read)
    route = await routes.again(desk, letter, travels)
    plan = None if postcard else await routes.plan(desk, route)
    forms = await _forms(desk, letter, route, plan, await _readers(desk, route, letter))
    now = desk.clock.now()
    await desk.drawer.write(lambda db: out.add_forms(db, number, forms, now))


async def sealed_by_hand(desk: Desk, number: int, travels: Sequence[out.Travel]) -> out.Form:
    """A posted letter sealed to the keys in use now, as a file for the recipients of these journeys. Raises
    `CannotSealOrOpen`."""

    def read(db: Db) -> tuple[Letter, bool]:
        return letters.content(db, number), letters.letter(db, number).postcard

    letter, postcard = await desk.drawer.read(read)
    by_hand = [replace(travel, way=Way.HAND, place=routes.HAND) for travel in travels]
    route = await routes.again(desk, letter, by_hand)
    plan = None if postcard else await routes.plan(desk, route)
    (form,) = await _forms(desk, letter, route, plan, await _readers(desk, route, letter))
    return form


async def _readers(desk: Desk, route: routes.Route, letter: Letter) -> style.Readers:
    return await desk.drawer.read(lambda db: style.readers_of(db, route, letter.letter_id))


async def _forms(
    desk: Desk, letter: Letter, route: routes.Route, plan: SealPlan | None, known: style.Readers
) -> Sequence[out.Form]:
    """The letter rendered and sealed once, in one form for each way and account that it leaves by."""
    ours = (route.sender, known.own.certificate)
    if plan is None:
        mime = write.render(letter, autocrypt=ours, hp=False)
        data, digest, safe = SealedBytes(mime), hashlib.sha256(mime).digest(), False
        certificates: tuple[str, ...] = ()
    else:
        how = await style.of(desk, route, known)
        mime = write.render(
            letter,
            autocrypt=ours,
            gossip=how.gossip,
            outside=how.outside,
            chat=how.chat,
            group=how.group,
            binary=how.binary,
        )
        sealed = await desk.keyholder.seal(mime, plan)
        data = pgpmime.wrap(letter, sealed.armored, route.sender, ours if how.outside else None)
        digest, certificates, safe = sealed.slice_sha256, sealed.fingerprints, sealed.quantum_safe
    inner = hashlib.sha256(mime).digest()
    forms = []
    for way, place in dict.fromkeys((leg.way, leg.place) for leg in route.legs):
        readers = tuple(leg.recipient for leg in route.legs if (leg.way, leg.place) == (way, place))
        envelope = Envelope(route.sender, readers)
        key = desk.chance.token(16).hex()
        letter_ = SealedLetter(envelope, letter.letter_id, data, digest, key)
        forms.append(out.Form(way, place, letter_, certificates, inner, safe))
    return forms


def _leaves(db: Db, desk: Desk, wish: _Wish) -> datetime:
    now, on = desk.clock.now(), wish.on
    if on is not None:
        if on < desk.clock.local().date():
            raise Usage(
                "bad_date",
                _("A letter cannot leave on a day that is over ({day}).").format(day=on.isoformat()),
                _("Name a day from today on, as YYYY-MM-DD."),
            )
        return max(desk.clock.local().replace(microsecond=0), desk.clock.on(on, EARLIEST))
    if wish.at_once:
        return now
    return now + timedelta(minutes=settings.get(db, "cooling_minutes", int(COOLING.total_seconds()) // 60))


async def answers_sealed(desk: Desk, page: drafts.OnPage) -> bool:
    """Whether a draft answers a sealed letter: such an answer is sealed, for it may repeat what the letter said."""
    return await desk.drawer.read(lambda db: _answers_sealed(db, page))


def _answers_sealed(db: Db, page: drafts.OnPage) -> bool:
    return page.answers is not None and letters.letter(db, page.answers).seal is not Seal.NEVER_SEALED


def _may_go_unsealed(db: Db, page: drafts.OnPage, by: By) -> None:
    if _answers_sealed(db, page):
        raise Refused(
            "answer_must_be_sealed",
            _("An answer to a sealed letter is sealed: it may repeat what the letter said."),
            _("Post it without --unsealed, or write a letter that is not an answer."),
        )
    served = routes.our_accounts(db, page)
    ways = {routes.chosen(by, who.address) or routes.way_to(who.address, served) for who in page.draft.to}
    if not ways <= routes.OPEN_WAYS:
        raise Refused(
            "office_takes_sealed_only",
            _("A postcard, which anyone on the way can read, does not go by this way."),
            _("Post it sealed, or give it out by hand (--by hand)."),
        )


def _letter_no(db: Db, route: routes.Route) -> int | None:
    """Our next number in this correspondence; a letter to several people has none."""
    person = route.legs[0].person
    if len(route.legs) != 1 or person is None:
        return None
    return ledger.next_number(letters.our_numbers(db, person))
