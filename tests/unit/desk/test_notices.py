"""What a friend who looks over one's shoulder would notice, and what not."""

import pytest

from dearly.desk.write import notices
from dearly.letter.address import Address, Correspondent
from dearly.letter.content import Draft, Enclosure

BERT = Correspondent("Bert Brown", Address.parse("bert@letters.test"))
PICTURE = Enclosure("canal.jpg", "image/jpeg", b"x")


@pytest.mark.parametrize(
    ("text", "enclosures", "count"),
    [
        ("Dear Bert,\n\nall is well.\n", (), 0),
        ("", (PICTURE,), 1),
        ("Dear Bert,\n\nI enclose a picture.\n", (), 1),
        ("Dear Bert,\n\nI enclose a picture.\n", (PICTURE,), 0),
        ("Lieber Bert,\n\nanbei ein Bild.\n", (), 1),
        ("Dear Clara,\n\nall is well.\n", (), 1),
        ("The canal, 1st of May\n\nDear Bert, all is well.\n", (), 0),
        ("Dear Clara,\n\nI enclose a picture.\n", (), 2),
        ("My dearest friend,\n\nall is well.\n", (), 0),
    ],
)
def test_notices(text: str, enclosures: tuple[Enclosure, ...], count: int) -> None:
    assert len(notices(Draft((BERT,), "", text, enclosures))) == count


def test_a_letter_to_a_bare_address_greets_whom_it_likes() -> None:
    draft = Draft((Correspondent("", BERT.address),), "", "Dear Clara,\n\nhello.\n")
    assert notices(draft) == []
