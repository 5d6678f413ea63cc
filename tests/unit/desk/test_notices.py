"""What a friend who looks over one's shoulder would notice, and what not."""

import pytest

from dearly.desk.notices import notices
from dearly.letter.address import Address, Correspondent
from dearly.letter.content import Draft, Enclosure

BERT = Correspondent("Bert Brown", Address.parse("bert@letters.test"))
PICTURE = Enclosure("canal.jpg", "image/jpeg", b"x")
PLACED = Enclosure("canal.jpg", "image/jpeg", b"x", "canal")


def called(name: str) -> Correspondent:
    return Correspondent(name, BERT.address)


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
        ("Dear Bert,\n\nI am much attached to her.\n", (), 0),
        ("Dear Bert,\n\n> I enclose a picture.\n\nIt was not there.\n", (), 0),
        ("Dear Bert,\n\n![The canal](cid:canal)\n\nI enclose a picture.", (PLACED,), 0),
        ("Dear Bert,\n\n![The canal](cid:canal)\n", (), 1),
        ("Dear Bert,\n\n![](cid:canal) ![](cid:bridge)\n\nSee enclosed.", (), 1),
    ],
)
def test_notices(text: str, enclosures: tuple[Enclosure, ...], count: int) -> None:
    assert len(notices(Draft((BERT,), "", text, enclosures))) == count


@pytest.mark.parametrize(
    "sentence",
    [
        "You will find it attached.",
        "Ich lege dir ein Bild bei.",
        "Das Bild ist im Anhang.",
        "Tu trouveras la photo ci-jointe.",
        "Voir la pièce jointe.",
        "Te mando la foto adjunta.",
        "Trovi la foto allegata.",
        "De foto is bijgevoegd.",
        "W załączeniu zdjęcie.",
    ],
)
def test_something_enclosed_in_many_languages(sentence: str) -> None:
    assert len(notices(Draft((BERT,), "", sentence))) == 1
    assert notices(Draft((BERT,), "", sentence, (PICTURE,))) == []


@pytest.mark.parametrize(
    ("name", "greeting"),
    [
        ("Irma Halloway", "Dear Irma,"),
        ("Irma Halloway", "Liebes Irmchen!"),
        ("Robert Blau", "Dear Bob,"),
        ("Albert Blau", "Lieber Bert,"),
        ("Elisabeth Blau", "Liebe Lisa,"),
        ("Ewa Zmyślona", "Droga Ewo!"),
        ("Piotr Zmyślony", "Drogi Piotrze,"),
        ("Zoë Brown", "Chère Zoe,"),
        ("Clara Fiktiv", "Liebe Frau Fiktiv,"),
        ("Clara Fiktiv", "Dear Dr. Fiktiv,"),
        ("Juan Inventado", "Querido Juanito:"),
        ("Clara Fiktiv", "Lieve Clara, hoe gaat het?"),
        ("Clara Fiktiv", "Dear Mum,"),
        ("Clara Fiktiv", "Liebe Oma,"),
        ("Clara Fiktiv", "Hello there,"),
        ("Clara Fiktiv", "Dear Bert and Clara,"),
        ("Clara Fiktiv", "*Dear Clara,*"),
        ("Clara Fiktiv", "Caro amico,"),
        ("Clara Fiktiv", "Dear Clara, yesterday Bert came by."),
    ],
)
def test_a_friend_lets_it_pass(name: str, greeting: str) -> None:
    assert notices(Draft((called(name),), "", f"{greeting}\n\nall is well.")) == []


@pytest.mark.parametrize(
    ("name", "greeting"),
    [
        ("Bert Brown", "Dear Bernd,"),
        ("Bert Brown", "Lieber Tobias,"),
        ("Bert Brown", "Chère Odile,"),
        ("Bert Brown", "Querida Ana,"),
        ("Bert Brown", "Cara Lucia,"),
        ("Bert Brown", "Beste Anouk,"),
        ("Bert Brown", "Droga Ewo,"),
        ("Bert Brown", "Hallo Clara!"),
        ("Ada Blau", "Dear Ana,"),
    ],
)
def test_a_friend_asks(name: str, greeting: str) -> None:
    (said,) = notices(Draft((called(name),), "", f"{greeting}\n\nall is well."))
    assert greeting.split()[1].strip(",!") in said


def test_a_letter_to_a_bare_address_greets_whom_it_likes() -> None:
    draft = Draft((Correspondent("", BERT.address),), "", "Dear Clara,\n\nhello.\n")
    assert notices(draft) == []


def test_nobody_named() -> None:
    assert notices(Draft((), "", "Dear Clara")) == []
    assert len(notices(Draft((), "", "Dear Clara"), addressed=True)) == 1
