"""Act 9: answering. An answer joins the correspondence, and is sealed if the letter was (`desk.post` sees to it).

A card that says only that a letter came, and that its answer needs time, is begun here, too."""

from __future__ import annotations

from collections.abc import Sequence

from dearly.desk import views
from dearly.desk.desk import Desk
from dearly.desk.values import LetterView
from dearly.drawer import drafts, ledger, letters, people
from dearly.drawer.connection import Db
from dearly.letter.address import Correspondent
from dearly.letter.content import Draft, Enclosure
from dearly.letter.errors import Usage
from dearly.letter.words import _
from dearly.mime import plain


async def answer(
    desk: Desk, number: int, text: str, enclosures: Sequence[Enclosure] = (), *, quote: bool = False, place: str = ""
) -> LetterView:
    """Begin an answer to an opened letter. `quote`: the letter's text, as it was shown, before yours (A03, A04).
    `place`: where it is written. A letter that was kept for later is so no longer.

    Raises `NotFound` (no_letter), `Usage` (not_theirs, sender_unclear)."""
    now = desk.clock.now()

    def work(db: Db) -> LetterView:
        letter, to = _sender(db, number)
        in_reply_to, references = letters.threading(db, number)
        whole = f"{plain.quote(plain.shown(letter.text))}\n\n{text}" if quote else text
        draft = Draft((to,), plain.shown(letter.subject), whole, tuple(enclosures), in_reply_to, references, place)
        if letter.reply == "later":
            ledger.decide(db, letter.number, None)
        return views.draft_view(drafts.new(db, draft, answers=letter.number, now=now, chance=desk.chance))

    return await desk.drawer.write(work)


async def card(desk: Desk, number: int, place: str = "") -> LetterView:
    """Act 7: begin a small card to whoever wrote a letter, "it came, I need time". It is an act and no receipt: it is
    posted by its writer like everything else, and its words can be changed before. While it lies on the desk there
    is no second one for the same letter.

    It does not name the letter as answered: that one is kept for later, and the ledger goes on saying so. Raises as
    `answer`."""
    now = desk.clock.now()

    def work(db: Db) -> LetterView:
        letter, to = _sender(db, number)
        draft = Draft((to,), "", _("It came, I need time."), place=place)
        if letter.reply != "later":  # a day that was named before stands
            ledger.decide(db, letter.number, "later")
        for begun in drafts.answering(db, letter.number):
            if begun.draft.in_reply_to is None:  # an answer names the letter
                return views.draft_view(begun)
        return views.draft_view(drafts.new(db, draft, answers=letter.number, now=now, chance=desk.chance))

    return await desk.drawer.write(work)


def _sender(db: Db, number: int) -> tuple[letters.FiledLetter, Correspondent]:
    """A letter that came, and whom an answer to it goes to."""
    letter = letters.letter(db, number)
    if letter.direction != "in":
        raise Usage(
            "not_theirs",
            _("Letter {number} is your own.").format(number=number),
            _("Write another letter with “dearly write”."),
        )
    if letter.sender is None:
        raise Usage(
            "sender_unclear",
            _("It is not clear who this letter is from, so it cannot be answered."),
            _("Write to the person you believe it is from, with “dearly write”."),
        )
    person = people.person_of_address(db, letter.sender.address, letter.sender.name)
    return letter, Correspondent(person.name if person else letter.sender.name, letter.sender.address)
