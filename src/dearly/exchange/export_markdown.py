"""A letter as one Markdown file: what is known of it in front matter, its text as CommonMark, enclosures beside it.

The front matter is YAML whose every value is written as JSON, which is YAML too: so no text can become another key.
Text of others is tamed, because programs that show Markdown may let HTML through and fetch pictures (A29, A30): HTML
stands as its own characters, and a picture from elsewhere as a link.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from dearly.exchange.export_names import link
from dearly.letter.address import clean
from dearly.letter.leaving import Leaving, LeavingDraft, Named
from dearly.mime.plain import shown

_TAG = re.compile(r"(?<!\\)<(?=[A-Za-z/!?])(?!(?:https?://|mailto:)[^\s<>]*>)")
_FAR_PICTURE = re.compile(r"!(?=\[)(?!\[[^\]\n]{0,200}\]\(cid:)")
_NEAR_PICTURE = re.compile(r"(!\[[^\]\n]{0,200}\]\()cid:([^)\s]{1,300})")
_SHORT_LINE = re.compile(r"(?<=\S)\n(?=[^\n])")


def letter_file(letter: Leaving, owner: str, folder: str, names: Sequence[str]) -> str:
    """The file of a letter. `folder`: name of the folder beside it with the enclosures, `names` of the files there."""
    head = {
        "letter_id": letter.letter_id,
        "number": letter.number,
        "letter_no": letter.letter_no,
        "direction": letter.direction,
        "from": _one([_mailbox(one, owner) for one in letter.who("from")]),
        "to": [_mailbox(one) for one in letter.who("to")],
        "cc": [_mailbox(one) for one in letter.who("cc")],
        "date": letter.date.isoformat(),
        "subject": clean(letter.subject),
        "way": _one(letter.ways),
        "seal": letter.seal or ("never_sealed" if letter.postcard else None),
        "in_reply_to": letter.in_reply_to,
        "enclosures": [f"{folder}/{name}" for name in names],
        "place": letter.place,
        "text": "commonmark" if letter.commonmark else "plain",
    }
    places = {
        one.cid: link(folder, name) for one, name in zip(letter.enclosures, names, strict=True) if one.cid is not None
    }
    return _front(head) + _text(letter, places)


def draft_file(draft: LeavingDraft, folder: str, names: Sequence[str]) -> str:
    """The file of a draft."""
    head = {
        "number": draft.number,
        "draft": draft.state,
        "to": [_mailbox(one) for one in draft.named],
        "subject": clean(draft.subject),
        "changed": draft.changed.isoformat(),
        "look_again": draft.look_again,
        "in_reply_to": draft.in_reply_to,
        "enclosures": [f"{folder}/{name}" for name in names],
        "place": draft.place,
    }
    return _front(head) + draft.text.rstrip("\n") + "\n"


def _front(head: dict[str, object]) -> str:
    lines = [
        f"{key}: {_escaped(json.dumps(value, ensure_ascii=False))}"
        for key, value in head.items()
        if value not in (None, "", [])
    ]
    return "\n".join(["---", *lines, "---", "", ""])


def _escaped(text: str) -> str:
    """Characters that JSON lets stand and YAML does not (YAML 1.2, 5.1)."""
    return re.sub("[\x7f-\x84\x86-\x9f\ufffe\uffff]", lambda found: f"\\u{ord(found[0]):04x}", text)


def _mailbox(one: Named, name: str = "") -> str:
    shown_as = clean(one.known_as or one.name or name)
    return f"{shown_as} <{one.address}>" if shown_as else one.address


def _one(values: Sequence[str]) -> str | list[str] | None:
    """The only one of several, or all."""
    return (values[0] if len(values) == 1 else list(values)) if values else None


def _text(letter: Leaving, places: dict[str, str]) -> str:
    text = letter.text if letter.direction == "out" else tamed(shown(letter.text))
    if not letter.commonmark:
        # Another program's lines end where it ended them.
        text = _SHORT_LINE.sub("  \n", text)
    if places:
        text = _NEAR_PICTURE.sub(lambda m: f"{m[1]}{places[m[2]]}" if m[2] in places else m[0], text)
    return text.rstrip("\n") + "\n"


def tamed(text: str) -> str:
    """Text of others that stays text wherever it is shown as Markdown. Pictures of its own stay pictures."""
    return _FAR_PICTURE.sub(r"\\!", _TAG.sub(r"\\<", text))
