"""The whole address book as visiting cards: vCard 4.0 (RFC 6350), one card after the other.

An address that is good now is exported as such; one that was, or is to be, stands in X-DEARLY-ADDRESS with its dates,
because vCard knows none. The certificate in use is a KEY; others stay in the bundle, where it also says why.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime

from dearly.exchange.vcard import escaped, folded
from dearly.letter.address import clean
from dearly.letter.leaving import LeavingAddress, LeavingPerson

_KINDS = {"person": "individual", "household": "group", "circle": "group"}
IN_USE = ("verified", "pinned", "first_seen")
"""States of a binding that letters are sealed by, the surest first (`drawer.bindings`)."""


def card(person: LeavingPerson, certificates: Mapping[str, bytes], now: datetime) -> str:
    """One card, CRLF. `certificates`: by fingerprint, in octets."""
    lines = [
        "BEGIN:VCARD",
        "VERSION:4.0",
        f"UID:{_urn(person.uid)}",
        f"KIND:{_KINDS[person.kind]}",
        f"FN:{_one(person.name)}",
    ]
    for address in person.addresses:
        lines += _address(address, now)
    if person.birthday:
        lines.append(f"BDAY:{_day(person.birthday)}")
    if person.note:
        lines.append(f"NOTE:{_lines(person.note)}")
    lines += [f"MEMBER:{_urn(member.person)}" for member in person.members if member.until is None]
    used = sorted((b for b in person.bindings if b.state in IN_USE), key=lambda b: IN_USE.index(b.state))
    for fingerprint in dict.fromkeys(b.fingerprint for b in used):
        if fingerprint in certificates:
            octets = base64.b64encode(certificates[fingerprint]).decode()
            lines.append(f"KEY:data:application/pgp-keys;base64,{octets}")
    lines.append("END:VCARD")
    return "".join(f"{folded(line)}\r\n" for line in lines)


def _address(one: LeavingAddress, now: datetime) -> list[str]:
    good = (one.since is None or one.since <= now) and (one.until is None or now < one.until)
    if not good or one.since or one.until:
        limits = (("since", one.since), ("until", one.until))
        dates = [f"{name}={when.date().isoformat()}" for name, when in limits if when]
        past = [f"X-DEARLY-ADDRESS:{_lines('; '.join((one.kind, one.text, *dates)))}"]
    else:
        past = []
    if not good:
        return past
    label = f';X-LABEL="{_parameter(one.label)}"' if one.label else ""
    if one.kind == "postal":
        return [_postal(one, label), *past]
    office = [f"X-DEARLY-OFFICE;VALUE=uri:{one.office_url}"] if one.office_url else []
    return [f"EMAIL{label}:{_one(one.text)}", *office, *past]


def _postal(one: LeavingAddress, label: str) -> str:
    """Post box; extension; street; town; region; code; country (6.3.1): lines as they stand on an envelope are kept
    whole in LABEL, which is what RFC 6350 has it for, and once more where the street is."""
    text = "\n".join(filter(None, (f"c/o {one.care_of}" if one.care_of else "", one.text)))
    street = _one(", ".join(text.splitlines()))
    return f'ADR;LABEL="{_parameter(text)}"{label}:;;{street};;;;{_one(one.country or "")}'


def _day(text: str) -> str:
    """YYYYMMDD or --MMDD (RFC 6350 4.3.1)."""
    year, month, day = text[:4] if text[0] != "-" else "--", text[-5:-3], text[-2:]
    return year + month + day


def _urn(uid: str) -> str:
    return "urn:uuid:" + "-".join((uid[:8], uid[8:12], uid[12:16], uid[16:20], uid[20:32]))


def _one(text: str) -> str:
    return escaped(clean(text))


def _lines(text: str) -> str:
    return "\\n".join(_one(line) for line in text.splitlines())


def _parameter(text: str) -> str:
    """RFC 6868: a line end, a caret and a quotation mark in the value of a parameter."""
    kept = "\n".join(clean(line) for line in text.splitlines())
    return kept.replace("^", "^^").replace("\n", "^n").replace('"', "^'")
