"""Values as text for people: calm, plain, in local time. One function for each kind of value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from dearly.cli import words_of_letters as words
from dearly.cli.layout import day, moment, printable, size, table, wrap
from dearly.cli.lines import Lines
from dearly.letter.address import clean
from dearly.letter.envelope import Way
from dearly.letter.journey import State
from dearly.letter.scripts import in_doubt
from dearly.letter.sealing import Seal
from dearly.letter.words import _, ngettext

if TYPE_CHECKING:
    from dearly.desk.joining import Alike
    from dearly.desk.lookalikes import Lookalike
    from dearly.desk.strangers import AtDoor, LetIn
    from dearly.desk.values import (
        EnvelopeView,
        Finding,
        KeyView,
        LetterView,
        MyCard,
        Opened,
        OutboxRow,
        PersonView,
        ReadOver,
        RoundReport,
        VersionView,
    )

_FIRST_WORDS = 40


class Page(Lines):
    """A writer of text for one terminal: its width and its time zone."""

    def letter(self, letter: LetterView, saved: Sequence[object] = ()) -> str:
        """A whole letter or draft."""
        head = [self.title(self._name(letter))]
        if letter.to:
            head.append(self.line(_("to {names}").format(names=", ".join(map(clean, letter.to)))))
        head.append(moment(letter.date, self.zone))
        if letter.subject:
            head.append(self.line(clean(letter.subject)))
        blocks = ["\n".join(head)]
        blocks += [self.prose(text) for text in (self._seal(letter), *letter.notes) if text]
        if letter.text:
            blocks.append(self.text(letter.text))
        blocks += self._enclosed(letter)
        if letter.postmarks:
            marks = (f"{words.of_way(p.way)}, {moment(p.at, self.zone)}" for p in letter.postmarks)
            blocks.append(self.line(_("Postmarks: {marks}").format(marks="; ".join(marks))))
        if saved:
            blocks.append("\n".join([_("Saved:"), *(f"  {path}" for path in saved)]))
        return "\n\n".join(blocks)

    def _name(self, letter: LetterView) -> str:
        sender, person = clean(letter.from_), clean(letter.person)
        if letter.direction == "in":
            known = f"{person} <{sender}>" if person and person not in sender else sender
            name = _("{number}: a letter from {sender}").format(number=letter.number, sender=known)
        elif letter.state in ("draft", "put_away"):
            name = _("{number}: a draft to {person}").format(number=letter.number, person=person)
        else:
            name = _("{number}: your letter to {person}").format(number=letter.number, person=person)
        if letter.letter_no is not None:
            name += " " + (_("(their no. {n})") if letter.direction == "in" else _("(your no. {n})")).format(
                n=letter.letter_no
            )
        state = words.of_state(letter.state)
        if letter.put_away_until is not None:
            state = _("put away until {day}").format(day=day(letter.put_away_until))
        return name if letter.state in ("draft", "opened") else f"{name}, {state}"

    def _seal(self, letter: LetterView) -> str:
        return "" if letter.seal is None else words.of_seal(letter.seal, letter.quantum_safe)

    def _enclosed(self, letter: LetterView) -> list[str]:
        if not letter.enclosures:
            return []
        rows = [("", clean(e.name), size(e.size)) for e in letter.enclosures]
        return [_("Enclosed:") + "\n" + table(rows, self.rows)]

    def text(self, text: str) -> str:
        """The text of a letter."""
        shown = printable(text).strip("\n")
        return wrap(shown, self.columns) if self._for_eyes else shown

    def opened(self, opened: Opened) -> str:
        """A letter and what was saved of it."""
        return self.letter(opened.letter, opened.saved)

    def letters(self, letters: Iterable[LetterView], none: str) -> str:
        """A list of drafts or letters."""
        rows = []
        for one in letters:
            who = clean(one.person) or clean(", ".join(one.to))
            arrow = _("from {name}") if one.direction == "in" else _("to {name}")
            gist = clean(one.subject) or _shortened(one.text)
            state = "" if one.state in ("draft", "opened") else words.of_state(one.state)
            if one.put_away_until is not None:
                state = _("put away until {day}").format(day=day(one.put_away_until))
            seal = _("a postcard") if one.seal is Seal.NEVER_SEALED else ""
            what = ", ".join(text for text in (gist, seal, state) if text)
            rows.append((f"{one.number:>4}", arrow.format(name=who), day(one.date.astimezone(self.zone).date()), what))
        return table(rows, self.rows) or none

    def letterbox(self, envelopes: Sequence[EnvelopeView]) -> str:
        """What lies in the letterbox."""
        if not envelopes:
            return _("Nothing today.")
        rows = []
        for one in envelopes:
            who = clean(one.person or one.from_)
            seal = words.of_way(one.way) + ", " + (_("a postcard") if one.seal is Seal.NEVER_SEALED else _("sealed"))
            state = _("opened") if one.opened else _("at the door") if one.at_door else ""
            what = ", ".join(text for text in (seal, state) if text)
            rows.append((f"{one.number:>4}", _("from {name}").format(name=who), moment(one.arrived, self.zone), what))
        return table(rows, self.rows)

    def door(self, found: Sequence[AtDoor], alike: Sequence[Lookalike | None]) -> str:
        """Who stands at the door, and whom in the address book each can be taken for."""
        if not found:
            return _("Nobody stands at the door.")
        return "\n\n".join(self._at_door(one, other) for one, other in zip(found, alike, strict=True))

    def _at_door(self, one: AtDoor, alike: Lookalike | None) -> str:
        # The address beside the name, always: a name proves nothing (A20, A21).
        name = f"{clean(one.name)} <{clean(one.from_)}>" if one.name else clean(one.from_)
        who = _("from {name}").format(name=name) if name else _("from nobody who can be named")
        lines = [self.line(f"{who}, {moment(one.arrived, self.zone)}", f"{one.number:>4}  ", "")]
        if plainly := in_doubt(one.name, one.from_):
            lines.append(self.line(_("Written out, the address is {address}.").format(address=plainly), " " * 6, ""))
        if alike is not None:
            lines.append(self.line(clean(alike.told), " " * 6, ""))
        if one.subject:
            lines.append(
                self.line(_("The subject line says “{subject}”.").format(subject=clean(one.subject)), " " * 6, "")
            )
        what = {
            "let_in": _("let in; the next round fetches it"),
            "gone": _("let in, but not found at the account any more; “dearly door let-in {number}” looks again"),
        }.get(one.state)
        if what is None and one.too_large:
            what = _("it lies at your mail account, and is too large to be fetched")
        elif what is None and not one.fetched:
            what = _("it lies at your mail account, and is fetched when you let it in")
        return "\n".join([*lines, *([self.line(what.format(number=one.number), " " * 6, "")] if what else [])])

    def let_in(self, let: LetIn) -> str:
        """What letting somebody in came to."""
        said = []
        for numbers, text in (
            (let.numbers, _("In the letterbox: {numbers}.")),
            (let.later, _("Let in; the next round fetches: {numbers}.")),
            (let.gone, _("Not found at the account any more: {numbers}.")),
        ):
            if numbers:
                said.append(text.format(numbers=", ".join(map(str, numbers))))
        return "\n".join(self.prose(sentence) for sentence in (*said, clean(let.trouble)) if sentence)

    def turned_away(self, numbers: Sequence[int], number: int) -> str:
        """What was refused."""
        return self.prose(
            _("Turned away: {numbers}. Nobody is told.").format(numbers=", ".join(map(str, numbers))),
            _("“dearly door leave {number}” takes it back.").format(number=number),
        )

    def left_at_door(self, number: int) -> str:
        """What stays where it is."""
        return self.prose(_("Letter {number} stands at the door.").format(number=number))

    def outbox(self, rows: Sequence[OutboxRow], none: str | None = None) -> str:
        """Posted letters, and where each is."""
        if not rows:
            return none or _("The outbox is empty.")
        return "\n".join(self._journey(row) for row in rows)

    def posted(self, rows: Sequence[OutboxRow]) -> str:
        """What has just been posted, and what happens next."""
        waiting = [row for row in rows if row.state in (State.WAITING, State.DATED)]
        blocks = [self.outbox(rows)]
        if waiting:
            number = waiting[0].number
            blocks += [
                self.prose(self._by_hand(number) if by_hand else self._leaves_with(waiting))
                for by_hand in sorted({row.way is Way.HAND for row in waiting})
            ]
            blocks.append(self.prose(_("Until then: “dearly take-back {number}”.").format(number=number)))
        return "\n".join([blocks[0], "", *blocks[1:]]) if waiting else blocks[0]

    def _by_hand(self, number: int) -> str:
        said = _("“dearly hand out {number} FILE” writes it to a file that you can carry or send.")
        return said.format(number=number)

    def _leaves_with(self, waiting: Sequence[OutboxRow]) -> str:
        later = any(row.leaves is not None and row.leaves > row.since for row in waiting)
        return " ".join(
            (
                *([_("From then on it leaves with the next round.")] if later else []),
                _("“dearly round” makes one; an open drawer (“dearly unlock”) makes its rounds by itself."),
            )
        )

    def _journey(self, row: OutboxRow) -> str:
        lines = [
            self.line(
                _("to {person}, {way}: {state}, since {since}").format(
                    person=clean(row.person) or clean(row.recipient),
                    way=words.of_way(row.way),
                    state=words.of_state(row.state),
                    since=moment(row.since, self.zone),
                ),
                f"{row.number:>4}  ",
                "",
            )
        ]
        more = []
        if row.reason:
            more.append(clean(words.of_reason(row.state, row.reason)))
        if row.leaves is not None and row.leaves > row.since:
            more.append(_("leaves {when} at the earliest").format(when=moment(row.leaves, self.zone)))
        elif row.leaves is not None:
            more.append(_("leaves with the next round"))
        if row.ask:
            more.append(
                _(
                    "“dearly post {number}” posts it again, and it may then arrive twice; “dearly drop” gives it up"
                ).format(number=row.number)
                if row.state == State.UNCERTAIN
                else _("nobody has taken it for days; it is tried on until “dearly drop {number}” gives it up").format(
                    number=row.number
                )
            )
        elif row.state == State.UNCERTAIN:
            more.append(_("the carrier gave no clear answer; Dearly looks for it, and never sends it again by itself"))
        return "\n".join([*lines, *(self.line(text, " " * 6) for text in more)])

    def round(self, report: RoundReport) -> str:
        """What one round did."""
        said = []
        for numbers, text in (
            (report.handed_over, _("Handed over: {numbers}.")),
            (report.arrived, _("In the letterbox: {numbers}.")),
            (report.uncertain, _("Uncertain: {numbers}; see “dearly outbox”.")),
        ):
            if numbers:
                said.append(text.format(numbers=", ".join(map(str, numbers))))
        said += map(clean, report.troubles)
        if not said:
            said.append(_("Nothing today."))
        if report.next_leaves is not None:
            said.append(_("The next letter leaves {when}.").format(when=moment(report.next_leaves, self.zone)))
        return "\n".join(self.prose(sentence) for sentence in said)

    def alike(self, pairs: Sequence[Alike]) -> str:
        """Entries of the address book that may be one person."""
        rows = [
            (f"{clean(one.keep.name)} <{', '.join(one.keep.addresses)}>",
             f"{clean(one.other.name)} <{', '.join(one.other.addresses)}>") for one in pairs
        ]  # fmt: skip
        return table(rows, self.rows) or _("Nobody is in the address book twice, as far as can be seen.")

    def people(self, people: Sequence[PersonView]) -> str:
        """The address book."""
        rows = [(clean(p.name), ", ".join(map(clean, p.addresses)) or _("no address")) for p in people]
        return table(rows, self.rows) or _("Nobody is in the address book yet.")

    def person(self, person: PersonView) -> str:
        """Someone, with addresses and keys."""
        lines = [self.title(clean(person.name))]
        lines += [self.line(clean(address), "  ") for address in person.addresses]
        lines += ["", self.keys(person)]
        return "\n".join(lines)

    def keys(self, person: PersonView) -> str:
        """Someone's keys."""
        if not person.keys:
            return self.prose(
                _("No key of {name} is known, so nothing can be sealed to them yet.").format(name=clean(person.name)),
                _("Ask for their card, and give it with “dearly people add NAME --vcard FILE”."),
            )
        return "\n".join(self._key(key) for key in person.keys)

    def _key(self, key: KeyView) -> str:
        said = _("{words}, since {day}").format(
            words=words.of_key(key.state), day=day(key.since.astimezone(self.zone).date())
        )
        lines = [self._digits(key.fingerprint), self.line(said, "    ", "")]
        if key.given_by:
            lines.append(self.line(_("As a letter of {name} gives it").format(name=clean(key.given_by)), "    ", ""))
        if key.words:
            lines.append(self.line(_("Words to read aloud: {words}").format(words=", ".join(key.words)), "    ", ""))
        return "\n".join(lines)

    def own_words(self, words: tuple[str, ...]) -> str:
        """The words of our own key, which somebody else has to see on their desk."""
        return self.line(_("Your own words: {words}").format(words=", ".join(words)))

    def _digits(self, digits: str) -> str:
        """A fingerprint; in lines of equal length where it is longer than the terminal is wide."""
        whole = "  " + fingerprint(digits)
        if not self._for_eyes or len(whole) <= self.columns:
            return whole
        half = 20 if len(digits) == 40 else 16
        return "\n".join("  " + fingerprint(digits[start : start + half]) for start in range(0, len(digits), half))

    def my_card(self, card: MyCard) -> str:
        """What one gives to others."""
        addresses = [self.line(clean(address), "  ") for address in card.addresses] or [f"  {_('no address yet')}"]
        return "\n".join(
            [
                self.title(clean(card.name)),
                *addresses,
                "",
                _("Your key:"),
                self._digits(card.fingerprint),
            ]
        )

    def read_over(self, seen: ReadOver) -> str:
        """A draft as its reader will see it."""
        blocks = [self.letter(seen.letter)]
        way = (words.of_way(seen.way)[:1].upper() + words.of_way(seen.way)[1:] + ".") if seen.way is not None else ""
        blocks.append(self.prose(way, clean(seen.seal)))
        blocks += [self.prose(clean(notice)) for notice in seen.notices]
        return "\n\n".join(block for block in blocks if block)

    def versions(self, versions: Sequence[VersionView]) -> str:
        """Earlier states of a draft."""
        rows = [
            (
                f"{v.version:>4}",
                moment(v.at, self.zone),
                ngettext("{n} word", "{n} words", v.words).format(n=v.words),
                words.of_version(v.why),
            )
            for v in versions
        ]
        return table(rows, self.rows) or _("No earlier state of this draft is kept yet.")

    def findings(self, findings: Sequence[Finding], *, details: bool = False) -> str:
        """What `check` looked at: in a few sentences, or everything. What is not right is always said in full."""
        wrong = [self.title(_("Not right:")) + " " + clean(f.what) for f in findings if not f.ok]
        right = [clean(f.what) for f in findings if f.ok]
        if not details:
            right = self._in_short(findings)
        return "\n".join(self.prose(sentence) for sentence in [*wrong, *right])

    def _in_short(self, findings: Sequence[Finding]) -> list[str]:
        said = []
        if any(f.ok and f.name == "drawer" for f in findings):
            said.append(_("Everything in the drawer is as it was written."))
        limits = {f.name.removeprefix("opener_"): f.what for f in findings if f.name.startswith("opener_")}
        beginning = _("The process that opens letters could not be kept from this on this machine: {what}.")
        beginning = beginning.split("{what}")[0]
        if not limits:
            return said
        loose = {name: clean(what) for name, what in limits.items() if what.startswith(beginning)}
        if not {"no_net", "no_files"} & set(loose):
            said.append(_("Letters of others are opened in a process that can reach neither files nor network here."))
        else:
            said.append(_("Letters of others are opened in a process of their own."))
        return said + list(loose.values())

    def moment(self, at: object) -> str:
        """A moment in local time."""
        from datetime import datetime

        assert isinstance(at, datetime)
        return moment(at, self.zone)


def fingerprint(digits: str) -> str:
    """A fingerprint in groups of four, as people compare it."""
    upper = digits.upper()
    return " ".join(upper[i : i + 4] for i in range(0, len(upper), 4))


def _shortened(text: str) -> str:
    first = clean(text.strip()[: _FIRST_WORDS * 4])
    return first if len(first) <= _FIRST_WORDS else first[:_FIRST_WORDS].rsplit(" ", 1)[0] + " …"
