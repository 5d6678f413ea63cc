"""Handing letters over to a JMAP server (RFC 8621 4.8 and 7.5).

One EmailSubmission for each recipient, so that each has an outcome of its own. At a provider it is addressed to
ourselves too: a server that remembers no submissions can still show, by the copy that comes, that it took one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dearly.carriers.base import for_each, said
from dearly.carriers.jmap import world
from dearly.carriers.jmap.blobs import MEDIA_TYPE, source, upload
from dearly.carriers.jmap.line import HASTY, PATIENT, Cut, NotDone
from dearly.carriers.jmap.looking import delivery, once_key, outcome_of
from dearly.carriers.jmap.session import (
    Account,
    Answers,
    Bearings,
    Call,
    MethodFailed,
    Session,
    mapping,
    number,
    text,
)
from dearly.letter.address import Address
from dearly.letter.envelope import SealedLetter, Way
from dearly.letter.errors import CarrierTrouble
from dearly.letter.journey import (
    Accepted,
    Outcome,
    TryLater,
    Turned,
    Unknown,
)
from dearly.letter.words import _

Outcomes = Mapping[Address, Outcome]

_TOGETHER = 4_000_000
"""Bytes of letters in one request: what an office makes durable by one commit, and one lost answer puts in doubt."""

# RFC 8620 5.3 and RFC 8621 4.6, 7.5: what no waiting will change. Everything else may pass.
_FINAL = {
    "alreadyExists",
    "forbidden",
    "forbiddenFrom",
    "forbiddenMailFrom",
    "forbiddenToSend",
    "invalidEmail",
    "invalidRecipients",
    "noRecipients",
    "singleton",
    "tooLarge",
    "tooManyRecipients",
}


# RFC 8620 5.3: what is refused before anything is done, and may be taken later.
_CERTAIN = {"overQuota", "rateLimit", "notFound", "invalidProperties", "invalidPatch", "emailNotFound"}


async def hand_over(account: Account, letters: Sequence[SealedLetter]) -> list[Outcomes]:
    """The outcomes for each letter, in order. Raises `CarrierTrouble` only when nothing was handed over at all."""
    try:
        session = await account.session()
        bearings = await account.bearings()
        _check(account, session, bearings)
        known = await world.under_way(account, letters) if session.world else {}
    except (NotDone, Cut) as trouble:  # nothing but questions were asked so far
        return [for_each(letter, TryLater(trouble.why)) for letter in letters]
    except MethodFailed as failed:
        return [for_each(letter, TryLater(failed.words)) for letter in letters]
    if not known:
        return await _hand_over(account, session, bearings, letters)
    left = [
        (n, replace(letter, envelope=replace(letter.envelope, recipients=rest)))
        for n, letter in enumerate(letters)
        if (rest := tuple(r for r in letter.envelope.recipients if (n, r) not in known))
    ]
    fresh = await _hand_over(account, session, bearings, [letter for _n, letter in left]) if left else []
    new = {n: outcomes for (n, _letter), outcomes in zip(left, fresh, strict=True)}
    return [{r: known.get((n, r)) or new[n][r] for r in letter.envelope.recipients} for n, letter in enumerate(letters)]


async def _hand_over(
    account: Account, session: Session, bearings: Bearings, letters: Sequence[SealedLetter]
) -> list[Outcomes]:
    outcomes: list[Outcomes] = []
    for batch in _batches(letters, session):
        try:
            outcomes += await _Exchange(account, session, bearings, batch).outcomes()
        except NotDone as trouble:
            outcome = Turned(trouble.why) if trouble.final and len(batch) == 1 else TryLater(trouble.why)
            outcomes += [for_each(letter, outcome) for letter in batch]
        except Cut as cut:
            outcomes += [for_each(letter, Unknown(cut.why)) for letter in batch]
            break
        except CarrierTrouble as trouble:
            if not outcomes:
                raise
            outcomes += [for_each(letter, TryLater(trouble.message)) for letter in batch]
            break
    # The line is broken: these were never begun.
    left = letters[len(outcomes) :]
    return outcomes + [for_each(letter, TryLater(_("The line broke before its turn came."))) for letter in left]


def _check(account: Account, session: Session, bearings: Bearings) -> None:
    if not session.posts or bearings.identity is None or bearings.sent is None:
        raise CarrierTrouble(
            "office_no_posting",
            _("{host} takes no letters from {address}.").format(host=account.line.host, address=account.address),
            _("Check the address of this account, or ask whoever runs the office."),
        )


def _batches(letters: Sequence[SealedLetter], session: Session) -> Iterator[list[SealedLetter]]:
    # JSON and base64 make less than three times of the octets; so a batch always fits into a request.
    most = min(_TOGETHER, session.most_request // 3)
    batch: list[SealedLetter] = []
    weight = people = 0
    for letter in letters:
        size = 0 if _too_large_inside(letter, session) else len(letter.data)
        count = len(letter.envelope.recipients)
        if batch and (weight + size > most or people + count > session.most_set):
            yield batch
            batch, weight, people = [], 0, 0
        batch.append(letter)
        weight, people = weight + size, people + count
    if batch:
        yield batch


def _too_large_inside(letter: SealedLetter, session: Session) -> bool:
    return len(letter.data) > min(session.most_inline, session.most_request // 3, _TOGETHER)


class _Exchange:
    """One request that hands over a batch. Letter n has the creation ids b<n>, e<n>, and s<n>x<i> for recipient i."""

    def __init__(self, account: Account, session: Session, bearings: Bearings, letters: Sequence[SealedLetter]) -> None:
        self._account, self._session, self._bearings, self._letters = account, session, bearings, letters
        self._emails = {n: f"#e{n}" for n in range(len(letters))}
        self._refused: dict[int, Outcome] = {}
        self._imported: dict[str, Any] = {}
        self._crowded: list[tuple[int, int]] = []
        """Letter and recipient, where the copy to ourselves was too much."""

    @property
    def _relayed(self) -> bool:
        """Whether behind this server stands another that letters are handed on to before it answers (Cyrus: SMTP). Then
        an error that is none of those which are known says only that something went wrong, perhaps after it was taken.
        """
        return self._account.way is Way.MAIL and not self._session.once

    async def outcomes(self) -> list[Outcomes]:
        inside: dict[str, Any] = {}
        blob_ids: dict[int, str] = {}
        for n, letter in enumerate(self._letters):
            if _too_large_inside(letter, self._session):
                try:
                    blob_ids[n] = await upload(self._account, letter.data)
                except (NotDone, Cut) as trouble:  # an upload hands nothing over (RFC 8620 6.1)
                    final = isinstance(trouble, NotDone) and trouble.final
                    self._refused[n] = Turned(trouble.why) if final else TryLater(trouble.why)
            else:
                inside[f"b{n}"] = {"data": [source(letter.data)], "type": MEDIA_TYPE}
                blob_ids[n] = f"#b{n}"
        calls: list[Call] = []
        if inside:
            calls.append(("Blob/upload", {"accountId": self._session.account, "create": inside}, "b"))
        sent = {str(self._bearings.sent): True}
        for n, blob in blob_ids.items():
            self._imported[f"e{n}"] = {"blobId": blob, "mailboxIds": sent, "keywords": {"$seen": True}}
        if not self._imported:
            return [for_each(letter, self._refused[n]) for n, letter in enumerate(self._letters)]
        calls.append(("Email/import", {"accountId": self._session.account, "emails": self._imported}, "e"))
        calls.append(self._submissions(list(blob_ids)))
        answers = await self._ask(calls)
        self._see_refusals(answers, inside)
        result: list[Outcomes] = [
            {r: self._outcome(answers, n, i) for i, r in enumerate(letter.envelope.recipients)}
            for n, letter in enumerate(self._letters)
        ]
        for n in [n for n, email in self._emails.items() if not email.startswith("#")]:
            result[n] = await self._submit_existing(n)
        imported = _step(answers, "e", "Email/import")
        for n, i in self._crowded:
            # The server may allow one recipient only: then the letter goes without a copy to ourselves.
            self._emails[n] = text(_created(imported, f"e{n}").get("id")) or self._emails[n]
            recipient = self._letters[n].envelope.recipients[i]
            result[n] = {**result[n], recipient: (await self._submit_existing(n, alone=i))[recipient]}
        await self._tidy(answers, result)
        return result

    async def _submit_existing(self, n: int, alone: int | None = None) -> Outcomes:
        """Submit an Email that is there already; `alone`: to this recipient only, without a copy to ourselves. An
        outcome whatever happens: the others have theirs."""
        letter = self._letters[n]
        try:
            answers = await self._ask([self._submissions([n], alone)])
        except NotDone as trouble:
            return for_each(letter, TryLater(trouble.why))
        except CarrierTrouble as trouble:
            return for_each(letter, TryLater(trouble.message))
        except Cut as cut:
            return for_each(letter, Unknown(cut.why))
        return {
            r: self._outcome(answers, n, i, copied=alone is None)
            for i, r in enumerate(letter.envelope.recipients)
            if alone in (None, i)
        }

    async def _ask(self, calls: list[Call]) -> Answers:
        return await self._account.ask(calls, HASTY if self._session.once else PATIENT)

    def _submissions(self, numbers: Sequence[int], alone: int | None = None) -> Call:
        creates: dict[str, Any] = {}
        for n in numbers:
            letter = self._letters[n]
            for i, recipient in enumerate(letter.envelope.recipients):
                if alone not in (None, i):
                    continue
                creates[f"s{n}x{i}"] = {
                    "identityId": self._bearings.identity,
                    "emailId": self._emails[n],
                    "envelope": {
                        "mailFrom": {"email": str(letter.envelope.sender), "parameters": None},
                        "rcptTo": [
                            {"email": str(one), "parameters": None} for one in self._addressed(letter, recipient, alone)
                        ],
                    },
                } | ({"onceKey": once_key(letter, recipient)} if self._session.once else {})
        arguments: dict[str, Any] = {"accountId": self._session.account, "create": creates}
        if self._session.once:
            # The letter lies in our drawer, and with them; an office needs to keep no third copy.
            arguments["onSuccessDestroyEmail"] = [f"#{cid}" for cid in creates]
        return ("EmailSubmission/set", arguments, "s")

    def _addressed(self, letter: SealedLetter, recipient: Address, alone: int | None) -> list[Address]:
        sender = letter.envelope.sender
        copied = self._relayed and alone is None and not recipient.same(sender)
        return [recipient, sender] if copied else [recipient]

    def _see_refusals(self, answers: Answers, inside: Mapping[str, Any]) -> None:
        """What came of the steps before the submission: `_refused`, and Emails that were there already."""
        uploaded = _step(answers, "b", "Blob/upload") if inside else {}
        imported = _step(answers, "e", "Email/import")
        for n, letter in enumerate(self._letters):
            if n in self._refused:
                continue
            if error := _error(uploaded, f"b{n}"):
                self._refused[n] = _refusal(error, also=("invalidProperties",))
            elif (error := _error(imported, f"e{n}")) and error.get("type") == "alreadyExists":
                self._emails[n] = text(error.get("existingId"))  # RFC 8621 4.8: the same bytes; submit those
            elif error:
                self._refused[n] = _refusal(error)
            elif isinstance(failed := uploaded.get("failed") or imported.get("failed"), str):
                self._refused[n] = TryLater(failed)
            elif _created(uploaded, f"b{n}").get("size", len(letter.data)) != len(letter.data):
                self._refused[n] = Unknown(_("It was not taken in as it was sent."))

    def _outcome(self, answers: Answers, n: int, i: int, *, copied: bool = True) -> Outcome:
        """The outcome of letter n for its recipient i. `copied`: whether it was addressed to ourselves too."""
        refused = self._refused.get(n)
        if refused and f"e{n}" not in self._imported:
            return refused
        try:
            answer = answers.of("s", "EmailSubmission/set")
        except MethodFailed as failed:
            # RFC 8620 3.6.2: only the first of these leaves changes behind. What a mail server did is no part of that.
            unclear = failed.kind == "serverPartialFail" or (self._relayed and failed.kind == "serverFail")
            return Unknown(failed.words) if unclear else refused or TryLater(failed.words)
        except Cut as cut:
            return Unknown(cut.why)
        made = _created(answer, f"s{n}x{i}")
        if text(made.get("id")):
            status = delivery(made, self._letters[n].envelope.recipients[i])
            if status.get("delivered") == "no":
                return Turned(said(status.get("smtpReply")) or _("It was refused, and no reason was given."))
            if self._session.once and not isinstance(came := outcome_of(status), Accepted):
                return came
            return refused if isinstance(refused, Unknown) else Accepted()
        if error := _error(answer, f"s{n}x{i}"):
            if self._relayed and error["type"] == "tooManyRecipients":
                # Said of one recipient, it is what Cyrus makes of every refusal by its mail server, passing or not.
                if not copied:
                    return TryLater(_("It was refused, and no reason was given."))
                self._crowded.append((n, i))
            if self._relayed and number(error.get("maxSize"), 0) >= len(self._letters[n].data):
                return TryLater(_("It was refused, and no reason was given."))  # too large it is not; Cyrus again
            if self._relayed and text(error.get("type")) not in _CERTAIN | _FINAL:
                return Unknown(said(error.get("description")) or said(error.get("type")))
            return refused or _refusal(error)
        return Unknown(_("The answer is not complete."))

    async def _tidy(self, answers: Answers, result: Sequence[Outcomes]) -> None:
        """Take away the Emails of letters that nobody accepted: «sent» is no place for what was not."""
        imported = _step(answers, "e", "Email/import")
        ids = [text(_created(imported, f"e{n}").get("id")) for n in range(len(result))]
        certain = [all(isinstance(o, TryLater | Turned) for o in outcomes.values()) for outcomes in result]
        vain = [email for email, no in zip(ids, certain, strict=True) if email and no]
        if vain:
            try:
                await self._account.ask([("Email/set", {"accountId": self._session.account, "destroy": vain}, "d")])
            except (NotDone, Cut, CarrierTrouble):
                return  # it is only tidiness


def _step(answers: Answers, call_id: str, name: str) -> Mapping[str, Any]:
    """The answer to a step before the submission; "failed" holds the words when it failed as a whole."""
    try:
        return answers.of(call_id, name)
    except MethodFailed as failed:
        return {"failed": failed.words}
    except Cut as cut:
        return {"failed": cut.why}


def _created(answer: Mapping[str, Any], cid: str) -> Mapping[str, Any]:
    """What the server says of one thing it made, or nothing."""
    return mapping(mapping(answer.get("created")).get(cid))


def _error(answer: Mapping[str, Any], cid: str) -> Mapping[str, Any]:
    """The SetError (RFC 8620 5.3) of one creation, or nothing."""
    error = mapping(mapping(answer.get("notCreated")).get(cid))
    return error if text(error.get("type")) else {}


def _refusal(error: Mapping[str, Any], also: tuple[str, ...] = ()) -> Outcome:
    kind = text(error.get("type"))
    words = said(error.get("description")) or said(kind)
    return Turned(words) if kind in _FINAL or kind in also else TryLater(words)
