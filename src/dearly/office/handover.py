"""EmailSubmission (RFC 8621 7): handing a sealed parcel over, once for each key.

A submission may carry `onceKey` (capability `ONCE`, described in docs/office.md): a key of the client's. Making it a
second time, with the same parcel and the same recipients, makes nothing: the answer names the first. So a client whose
answer was lost may simply ask again, and an empty `EmailSubmission/query` by `onceKeys` proves that nothing was taken.
Without a key one is derived from the parcel and the envelope, which protects every other client in the same way.

Accepted means delivered: the parcel lies in the recipient's letterbox when the answer is sent. Recipients who were
refused are tried again when the same submission is made again. Only for recipients in the world there is a queue, where
the office has a smarthost (`abroad`): what became of those is said, whatever it was, and never made again under a key
of the client's; whoever wants it made again gives another key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from dearly.letter.errors import Usage
from dearly.letter.words import _
from dearly.office import abroad, outer
from dearly.office.context import Answer, Context, set_
from dearly.office.imports import email_follow
from dearly.office.mailboxes import IDENTITY
from dearly.office.readers import Arguments, Properties, ident, ident_or_new, list_of, mapping, or_null, text
from dearly.office.refusals import SetError
from dearly.office.store import INBOX, Blob, Delivery, Email, Submission
from dearly.office.submissions import ONCE, shown


@dataclass(frozen=True, slots=True)
class _Envelope:
    sender: str
    recipients: tuple[str, ...]


def submission_set(c: Context, given: dict[str, Any]) -> Answer:
    """EmailSubmission/set (RFC 8621 7.5). Nothing here can be unsent, and the record of it cannot be destroyed."""
    emails: dict[str, str] = {}
    c.look_up_handed(_keys_in(c, given))

    def create(cid: str, properties: dict[str, Any]) -> Answer:
        submission = _create(c, properties)
        # RFC 8621 7.5: onSuccess… speaks of the Email of *this* creation, also when the submission was there already.
        emails["#" + cid] = c.real(properties["emailId"]) or submission.email
        whole = shown(submission)
        told = ("id", "threadId", "sendAt", "undoStatus", "deliveryStatus", "dsnBlobIds", "mdnBlobIds")
        return {n: whole[n] for n in told}

    def update(uid: str, patch: dict[str, Any]) -> None:
        if uid not in c.shelf.submissions(c.account, [uid]):
            raise SetError("notFound")
        if patch == {"undoStatus": "canceled"}:
            abroad.cancel(c, c.shelf.submissions(c.account, [uid])[uid])
            return
        raise SetError("invalidProperties", _("A submission cannot be changed."), properties=[n[:60] for n in patch])

    def destroy(uid: str) -> None:
        if uid not in c.shelf.submissions(c.account, [uid]):
            raise SetError("notFound")
        raise SetError("forbidden", _("The office keeps this as proof that the letter was handed over."))

    def more(a: Arguments) -> tuple[dict[str, dict[str, Any]], list[str]]:
        patches = a.take("onSuccessUpdateEmail", or_null(_by_id), None) or {}
        gone = a.take("onSuccessDestroyEmail", or_null(list_of(ident_or_new)), None) or []
        return patches, gone

    answer, (patches, gone) = set_(
        c, given, lambda: str(c.shelf.submission_seq(c.account)), create, update, destroy, more, c.limits.set
    )
    update_them = {emails[i]: patch for i, patch in patches.items() if i in emails}
    destroy_them = [emails[i] for i in gone if i in emails]
    if update_them or destroy_them:
        c.after.append(("Email/set", email_follow(c, update_them, destroy_them)))
    return answer


def _by_id(value: object) -> dict[str, dict[str, Any]]:
    return {ident_or_new(k): mapping(v) for k, v in mapping(value).items()}


def _create(c: Context, properties: dict[str, Any]) -> Submission:
    p = Properties(properties)
    identity = p.take("identityId", ident)
    wanted_email = p.take("emailId", ident_or_new)
    envelope = p.take("envelope", or_null(_envelope), None)
    given_key = p.take("onceKey", or_null(_key), None) if ONCE in c.using else None
    p.done()
    real = c.real(wanted_email)
    e = c.email(real) if real else None
    wrong = [n for n, bad in (("identityId", identity != IDENTITY), ("emailId", e is None)) if bad]
    if e is None or wrong:
        raise SetError("invalidProperties", _("There is no such thing here."), properties=wrong)
    blob = e.blob
    envelope = envelope or _from_header(c, e)
    _check(c, blob, envelope)
    key = given_key or _derived(blob, envelope)
    c.look_up_handed([key])
    before = c.handed[key]
    if before is not None and (before.blob != blob.uid or _keys(before.deliveries) != _folded(envelope.recipients)):
        description = _("This key was used for another letter or other recipients.")
        raise SetError("alreadyExists", description, existingId=before.uid, properties=["onceKey"])
    settled = {_folded_one(d.recipient) for d in before.deliveries if _settled(d, key)} if before else frozenset()
    uid = before.uid if before else c.new("S")
    tries = [_deliver(c, uid, blob, r) for r in envelope.recipients if _folded_one(r) not in settled]
    if before is None:
        if not any(d.accepted for d in tries):
            raise _nobody(tries)
        made = Submission(uid, key, e.uid, blob.uid, envelope.sender, c.now, tuple(tries))
        c.shelf.put_submission(c.account, made)
        c.handed[key] = made
        return made
    if not tries:
        return before
    fresh = {_folded_one(d.recipient): d for d in tries}
    again = replace(before, deliveries=tuple(fresh.get(_folded_one(d.recipient), d) for d in before.deliveries))
    if again != before:
        c.shelf.put_submission(c.account, again)
        c.handed[key] = again
    return again


def _keys_in(c: Context, given: dict[str, Any]) -> list[str]:
    """The keys that a call gives, as far as they are any: to be looked up together."""
    creates = given.get("create")
    if ONCE not in c.using or not isinstance(creates, dict):
        return []
    found = (one.get("onceKey") for one in list(creates.values())[: c.limits.set] if isinstance(one, dict))
    return [key for key in found if isinstance(key, str) and len(key) <= _MOST_KEY and "\0" not in key]


_MOST_KEY = 64


def _key(value: object) -> str:
    key = text(value)
    if not 1 <= len(key) <= _MOST_KEY or not key.isascii() or not key.isprintable() or key.startswith("="):
        raise ValueError("not a key")
    return key


def _derived(blob: Blob, envelope: _Envelope) -> str:
    """ "=" sets it apart from every key of a client's."""
    words = "\n".join((blob.uid, *_folded(envelope.recipients)))
    return "=" + hashlib.sha256(words.encode()).hexdigest()


def _folded(recipients: Sequence[str]) -> list[str]:
    return sorted(_folded_one(r) for r in recipients)


def _folded_one(recipient: str) -> str:
    return outer.key_of(recipient) or recipient


def _keys(deliveries: Sequence[Delivery]) -> list[str]:
    return _folded([d.recipient for d in deliveries])


def _envelope(value: object) -> _Envelope:
    given = mapping(value)
    if given.keys() != {"mailFrom", "rcptTo"}:
        raise ValueError("not an envelope")
    recipients = [_mailbox(one) for one in list_of(mapping)(given["rcptTo"])]
    return _Envelope(_mailbox(mapping(given["mailFrom"])), _once_each(recipients))


def _once_each(recipients: Sequence[str]) -> tuple[str, ...]:
    """Two spellings of one address are one recipient."""
    return tuple({_folded_one(r): r for r in reversed(recipients)}.values())[::-1]


def _mailbox(value: dict[str, Any]) -> str:
    # No parameter of SMTP (delay, notification, size) has a meaning here; dropping one silently would be a lie.
    if not value.keys() <= {"email", "parameters"} or value.get("parameters"):
        raise ValueError("not an address")
    address = text(value.get("email"))
    if len(address) > outer.LONGEST_ADDRESS:
        raise ValueError("too long")
    return address


def _from_header(c: Context, e: Email) -> _Envelope:
    """The envelope that the header implies (RFC 8621 7)."""
    found = outer.headers(c.shelf.read(c.account, e.blob.uid, 0, c.limits.header_block) or b"", c.limits)
    to = [a for n, v in found if n.lower() in ("to", "cc", "bcc") for _name, a in outer.addresses(v)]
    return _Envelope(str(c.account.address), _once_each(to))


def _check(c: Context, blob: Blob, envelope: _Envelope) -> None:
    if _folded_one(envelope.sender) != c.account.address.key:
        raise SetError("forbiddenMailFrom", _("The envelope names another sender than this account."))
    if blob.sender != c.account.address.key:
        raise SetError("forbiddenFrom", _("The letter names another sender than this account."))
    if not envelope.recipients:
        raise SetError("noRecipients")
    if len(envelope.recipients) > c.limits.recipients:
        raise SetError("tooManyRecipients", maxRecipients=c.limits.recipients)


def _settled(delivery: Delivery, key: str) -> bool:
    """Whether nothing more is done for this recipient when the same submission is made again. What came back from the
    world would be: but a desk asks by its key what became of it, and a question must never hand anything over."""
    return delivery.accepted or (delivery.abroad is not None and not key.startswith("="))


def _deliver(c: Context, submission: str, blob: Blob, recipient: str) -> Delivery:
    """Into their letterbox, in this transaction, or into the queue for the world; or why not, in words and in codes of
    RFC 3463."""
    try:
        address = outer.parsed(recipient)
    except Usage as e:
        return Delivery(recipient, accepted=False, reply=f"550 5.1.3 {e.message}")
    if address.domain != c.shelf.domain():
        return abroad.queue(c, submission, blob, recipient, address)
    account = c.person(outer.key_of(recipient))
    if account is None:
        words = _("Nobody has the address {address} here.").format(address=address)
        return Delivery(recipient, accepted=False, reply=f"550 5.1.1 {words}")
    if c.shelf.add_email(account, c.new("M"), INBOX, blob, (), c.now) is None:
        words = _("The letterbox of {address} is full.").format(address=address)
        return Delivery(recipient, accepted=False, reply=f"452 4.2.2 {words}")
    return Delivery(recipient, accepted=True, reply="250 2.1.5 " + _("It lies in their letterbox."))


def _nobody(tries: Sequence[Delivery]) -> SetError:
    """Nobody took it: nothing is kept of it, and the words say why for each."""
    words = " ".join(d.reply for d in tries)
    if all(d.reply.startswith("4") for d in tries):
        return SetError("overQuota", words)
    return SetError("invalidRecipients", words, invalidRecipients=[d.recipient for d in tries])
