"""A list of letters for scholars: CMIF, the correspondence metadata interchange format of the TEI (correspDesc).

Who wrote to whom, when, and from where as far as that is known; no text, no subject. The shape is that of CMIF 1.0 (TEI
P5
guidelines 2.4.6, and the format's own schema): a teiHeader with one correspDesc for each letter. One thing is left to
whoever publishes such a list: its licence. The format wants CC BY 4.0, which nobody can choose for somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from xml.sax.saxutils import escape, quoteattr

from dearly.letter.address import clean
from dearly.letter.leaving import Leaving, Named, Owner
from dearly.letter.words import _

_SOURCE = "drawer-{drawer}"


def head(owner: Owner, made: datetime) -> bytes:
    """What stands before the letters."""
    name = _text(owner.name) or "?"
    email = "".join(f"<email>{_text(one.text)}</email>" for one in owner.addresses[:1])
    title = _text(_("Letters of {name}").format(name=owner.name))
    licence = _text(
        _("Not published. Whoever publishes this list chooses its licence; for correspSearch it must be CC BY 4.0.")
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<TEI xmlns="http://www.tei-c.org/ns/1.0">
  <teiHeader>
    <fileDesc>
      <titleStmt>
        <title>{title}</title>
        <editor>{name}{email}</editor>
      </titleStmt>
      <publicationStmt>
        <publisher>{name}</publisher>
        <idno type="url">urn:uuid:{_uuid(owner.drawer)}</idno>
        <date when="{made.date().isoformat()}"/>
        <availability>
          <licence target="about:blank">{licence}</licence>
        </availability>
      </publicationStmt>
      <sourceDesc>
        <bibl type="online" xml:id="{_SOURCE.format(drawer=owner.drawer)}">{title}</bibl>
      </sourceDesc>
    </fileDesc>
    <profileDesc>
""".encode()


def letters(piece: Iterable[Leaving], owner: Owner) -> bytes:
    """The letters of a piece."""
    return "".join(_letter(one, owner) for one in piece).encode()


def tail() -> bytes:
    """What stands behind them."""
    return b"""    </profileDesc>
  </teiHeader>
  <text>
    <body>
      <p/>
    </body>
  </text>
</TEI>
"""


def _letter(letter: Leaving, owner: Owner) -> str:
    readers = (*letter.who("to"), *letter.who("cc"))
    place = f"<placeName>{_text(letter.place)}</placeName>" if letter.place.strip() else ""
    day = f"{letter.date.year:04}-{letter.date:%m-%d}"
    source = _SOURCE.format(drawer=owner.drawer)
    return (
        f"      <correspDesc key={quoteattr(str(letter.number))} source={quoteattr('#' + source)}>\n"
        f'        <correspAction type="sent">{_names(letter.who("from"), owner)}{place}<date when="{day}"/>'
        "</correspAction>\n"
        f'        <correspAction type="received">{_names(readers, owner)}</correspAction>\n'
        "      </correspDesc>\n"
    )


def _names(people: Iterable[Named], owner: Owner) -> str:
    ours = {one.text.casefold() for one in owner.addresses}
    found = []
    for one in people:
        name = owner.name if one.address.casefold() in ours and owner.name else one.shown
        ref = f" ref={quoteattr('urn:uuid:' + _uuid(one.person))}" if one.person else ""
        found.append(f"<persName{ref}>{_text(name)}</persName>")
    return "".join(found) or "<persName>Unknown</persName>"


def _uuid(uid: str) -> str:
    """The 32 hex digits of a uid as a UUID is written (RFC 9562 4)."""
    return "-".join((uid[:8], uid[8:12], uid[12:16], uid[16:20], uid[20:32]))


def _text(text: str) -> str:
    """Text for XML, without what XML 1.0 cannot hold (2.2)."""
    return escape("".join(c for c in clean(text) if c not in "\ufffe\uffff"))
