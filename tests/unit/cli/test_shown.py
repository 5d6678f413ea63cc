"""Errors as words and codes, values as text and JSON."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from tests.support.door import FakeTerminal

from dearly.cli import words_of_letters as words
from dearly.cli.as_json import dump, many, plain
from dearly.cli.as_text import Page, fingerprint
from dearly.cli.layout import moment, printable, size, table, width, wrap, zone_of
from dearly.cli.shown import trouble
from dearly.desk.values import (
    EnclosureView,
    EnvelopeView,
    KeyView,
    LetterView,
    MyCard,
    Opened,
    OutboxRow,
    PersonView,
    Postmark,
)
from dearly.letter import errors
from dearly.letter.content import Enclosure
from dearly.letter.envelope import Way
from dearly.letter.journey import State, Why
from dearly.letter.sealing import Seal

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LETTER = LetterView(
    number=3,
    direction="in",
    person="Bert",
    from_="bert@letters.test",
    to=("ada@letters.test",),
    date=NOON,
    subject="The garden",
    state="opened",
    text="Dear Ada,\nall is well.\n",
    letter_no=2,
    letter_id="x@letters.test",
    seal=Seal.SIGNED_PINNED,
    quantum_safe=True,
    way=Way.OFFICE,
    postmarks=(Postmark(Way.OFFICE, NOON, "ada@letters.test"),),
    enclosures=(EnclosureView("garden.jpg", "image/jpeg", 1_234_567),),
)


@pytest.mark.parametrize("kind", errors.DearlyError.__subclasses__())
@pytest.mark.parametrize("as_json", [False, True])
def test_every_error_has_its_code(kind: type[errors.DearlyError], as_json: bool) -> None:
    terminal = FakeTerminal()
    assert trouble(terminal, kind("some_code", "What happened.", "What next."), as_json=as_json) == int(kind.exit)
    if as_json:
        assert json.loads(terminal.complained) == {
            "error": {"code": "some_code", "message": "What happened.", "hint": "What next.", "exit": int(kind.exit)}
        }
    else:
        assert terminal.complained == "What happened.\nWhat next.\n"
    assert terminal.said == ""


@pytest.mark.parametrize("debug", [False, True])
def test_a_fault_of_ours_quotes_nothing(debug: bool) -> None:
    terminal = FakeTerminal(env={"DEARLY_DEBUG": "1"} if debug else {})
    secret = "the text of a letter"
    with pytest.raises(ValueError, match=secret) as caught:
        int(secret)
    assert trouble(terminal, caught.value, as_json=False) == 1
    assert "ValueError" in terminal.complained
    assert ("Traceback" in terminal.complained) is debug
    if not debug:
        assert secret not in terminal.complained


def test_json_of_a_letter_has_the_contracts_keys() -> None:
    value = plain(LETTER)
    keys = "number letter_no letter_id direction person from to date subject state seal way postmarks enclosures text"
    assert set(keys.split()) <= set(value)
    assert (value["date"], value["seal"], value["quantum_safe"]) == ("2026-11-22T12:00:00Z", "signed_pinned", True)
    assert value["enclosures"] == [{"name": "garden.jpg", "media_type": "image/jpeg", "size": 1_234_567}]


def test_json_of_an_envelope_and_an_outbox_row() -> None:
    envelope = plain(EnvelopeView(4, "x@letters.test", None, NOON, Way.OFFICE, None, False, True))
    assert list(envelope) == ["number", "from", "person", "arrived", "way", "seal", "opened", "at_door"]
    row = plain(OutboxRow(3, "Bert", "b@letters.test", "waiting", NOON, None, "", Way.OFFICE))
    assert {"number", "person", "recipient", "state", "since", "leaves", "reason"} <= set(row)


def test_json_keeps_contents_of_files_out() -> None:
    opened = Opened(LETTER, (Enclosure("a", "text/plain", b"secret"),), (Path("/tmp/a"),))
    assert "secret" not in dump(opened)
    assert plain(opened)["saved"] == ["/tmp/a"]


@pytest.mark.parametrize(
    ("value", "json_value"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, 999_999, timezone(timedelta(hours=5, minutes=30))), "2026-01-01T21:34:05Z"),
        (date(2026, 1, 2), "2026-01-02"),
        (b"\x00\xff", "00ff"),
        (Seal.LOCKED, "locked"),
        (None, None),
        ((1, "a"), [1, "a"]),
        ({"a": Way.HAND}, {"a": "hand"}),
    ],
)
def test_json_of_plain_things(value: object, json_value: object) -> None:
    assert plain(value) == json_value


def test_no_json_for_what_has_none() -> None:
    with pytest.raises(TypeError):
        plain(object())


def test_json_cannot_move_a_cursor() -> None:
    assert dump({"text": "\x9b2J\u202e ü"}).isascii()


def test_many_says_how_many() -> None:
    assert many("letters", [1, 2], ok=True) == {"letters": [1, 2], "total": 2, "ok": True}


def test_every_value_has_its_words() -> None:
    for seal in Seal:
        assert words.of_seal(seal).endswith(".")
    assert len({words.of_seal(seal) for seal in Seal}) == 17
    for state in (*State, "draft", "put_away", "unopened", "opened", "unreadable"):
        assert words.of_state(state) != state or state in ("opened", "unopened", "uncertain")
    for why in Why:
        assert words.of_reason("held", why) != why
    for way in Way:
        assert words.of_way(way) != way
    for known in ("first_seen", "pinned", "verified", "changed", "left"):
        assert words.of_key(known) != known


def test_the_words_of_a_carrier_stay_its_own() -> None:
    assert words.of_reason("came_back", "key_changed") == "key_changed"


def test_nothing_says_read() -> None:
    """There is no state for «read», and no reproach."""
    for state in State:
        assert "read" not in words.of_state(state).replace("already", "").split()


@pytest.mark.parametrize("seal", sorted(set(Seal) - {Seal.NEVER_SEALED}))
def test_quantum_safety_is_said_of_seals_only(seal: Seal) -> None:
    assert "quantum" in words.of_seal(seal, quantum_safe=True)
    assert "quantum" not in words.of_seal(seal, quantum_safe=False)
    assert "quantum" not in words.of_seal(Seal.NEVER_SEALED, quantum_safe=True)


def _page(**env: str) -> Page:
    return Page(FakeTerminal(env={"TZ": "Europe/Berlin", **env}))


def test_a_letter_as_text() -> None:
    assert _page().letter(LETTER) == (
        "3: a letter from Bert <bert@letters.test> (their no. 2)\n"
        "to ada@letters.test\n"
        "Sunday 22 November 2026, 13:00\n"
        "The garden\n"
        "\n"
        "Sealed, and signed with the key by which this person is known here. You have\n"
        "not checked it with them. The seal is made to hold against quantum computers,\n"
        "too.\n"
        "\n"
        "Dear Ada,\nall is well.\n"
        "\n"
        "Enclosed:\n  garden.jpg  1.2 MB\n"
        "\n"
        "Postmarks: by the office, Sunday 22 November 2026, 13:00"
    )


@pytest.mark.parametrize("seal", [None, *Seal])
def test_only_what_was_never_sealed_is_a_postcard(seal: Seal | None) -> None:
    """An envelope says nothing of its seal before it is opened; opened, a sealed letter stays one."""
    from dataclasses import replace

    envelope = EnvelopeView(4, "b@letters.test", "Bert", NOON, Way.OFFICE, seal, seal is not None, False)
    postcard = seal is Seal.NEVER_SEALED
    row = _page().letterbox([envelope])
    assert ("a postcard" in row, "sealed" in row) == (postcard, not postcard)
    row = _page().letters([replace(LETTER, seal=seal)], "")
    assert ("a postcard" in row) == postcard


def test_what_strangers_write_cannot_move_the_cursor() -> None:
    evil = "\x1b[2J\x9b31m\u202eevil\u2066\x07\r\x08"
    from dataclasses import replace

    letter = replace(
        LETTER, person=evil, from_=evil, subject=evil, text=evil, enclosures=(EnclosureView(evil, "x", 1),), to=(evil,)
    )
    page = _page()
    envelope = EnvelopeView(4, evil, evil, NOON, Way.OFFICE, None, False, False)
    row = OutboxRow(3, evil, evil, "came_back", NOON, NOON, evil, Way.OFFICE)
    person = PersonView(evil, "0", (evil,), (KeyView("ab" * 20, "pinned", True, NOON),))
    shown = page.letter(letter) + page.letters([letter], "") + page.letterbox([envelope])
    shown += page.outbox([row]) + page.people([person]) + page.person(person)
    assert not set(shown) & set("\x1b\x9b\u202e\u2066\x07\r\x08")


def test_no_colour_unless_a_terminal_wants_it() -> None:
    for env, tty, strong in [
        ({}, False, False),
        ({}, True, True),
        ({"NO_COLOR": "1"}, True, False),
        ({"TERM": "dumb"}, True, False),
    ]:
        page = Page(FakeTerminal(env=env, tty=tty))
        assert ("\x1b[1m" in page.letter(LETTER)) is strong


def test_letters_are_wrapped_on_a_terminal_only() -> None:
    long = "word " * 100
    assert max(map(len, Page(FakeTerminal(tty=True, columns=40)).text(long).splitlines())) <= 40
    assert Page(FakeTerminal(columns=40)).text(long) == long


FAR = NOON + timedelta(hours=1)
ROW = OutboxRow(3, "Bert", "b@letters.test", "waiting", NOON, FAR, "", Way.OFFICE)
LONG = "a garden of many long and very winding sentences about nothing but its hedges and kettles"


def _everything(page: Page) -> dict[str, str]:
    from dataclasses import replace

    marks = tuple(Postmark(Way.OFFICE, NOON, "x") for _ in range(3))
    letter = replace(LETTER, subject=LONG, to=("ada@letters.test", "clara@letters.test"), postmarks=marks)
    envelope = EnvelopeView(4, "b@letters.test", "Bert", NOON, Way.OFFICE, None, False, True)
    person = PersonView("Bert", "0", ("bert@letters.test",), (KeyView("ab" * 32, "first_seen", True, NOON),))
    rows = [ROW, replace(ROW, state="uncertain"), replace(ROW, state="held", reason="restored", leaves=None)]
    return {
        "letter": page.letter(letter),
        "letters": page.letters([letter, letter], ""),
        "letterbox": page.letterbox([envelope]),
        "outbox": page.outbox(rows),
        "posted": page.posted([ROW]),
        "people": page.people([person, person]),
        "person": page.person(person),
        "card": page.my_card(MyCard("Ada", ("ada@letters.test",), "ab" * 32, "")),
    }


@pytest.mark.parametrize("columns", [50, 80])
def test_no_line_is_longer_than_the_terminal(columns: int) -> None:
    env = {"TZ": "Europe/Berlin", "NO_COLOR": "1"}
    for name, text in _everything(Page(FakeTerminal(tty=True, columns=columns, env=env))).items():
        assert max(map(len, text.splitlines())) <= columns, name
    whole = _everything(Page(FakeTerminal(columns=columns, env=env)))
    assert len(whole["letterbox"].splitlines()) == 1, "who reads lines with a program gets whole ones"


def test_what_goes_on_hangs_under_what_it_belongs_to() -> None:
    page = Page(FakeTerminal(tty=True, columns=50, env={"TZ": "Europe/Berlin", "NO_COLOR": "1"}))
    lines = page.outbox([ROW]).splitlines()
    assert len(lines) > 2
    assert lines[0].startswith("   3  to Bert")
    assert all(line.startswith(" " * 6) for line in lines[1:])


def test_posting_says_what_happens_next() -> None:
    from dataclasses import replace

    def said(row: OutboxRow) -> str:
        return " ".join(_page().posted([row]).split())

    assert "at the earliest From then on it leaves with the next round" in said(ROW)
    assert "dearly round" in said(ROW)
    assert "dearly unlock" in said(ROW)
    assert said(ROW).endswith("Until then: “dearly take-back 3”.")
    at_once = said(replace(ROW, leaves=NOON))
    assert "earliest" not in at_once
    assert "leaves with the next round “dearly round” makes one" in at_once
    by_hand = said(replace(ROW, way=Way.HAND, leaves=None))
    assert "dearly hand out 3 FILE" in by_hand
    assert "round" not in by_hand
    assert "take-back" not in said(replace(ROW, state="held", leaves=None))


def test_no_word_of_the_inside_is_on_the_screen() -> None:
    """States, seals and ways stand there in words, for every value."""
    from dataclasses import replace

    page = _page()
    shown = "".join(_everything(page).values())
    shown += page.outbox([replace(ROW, state=state, reason="") for state in State])
    shown += page.letters([replace(LETTER, state=state) for state in (*State, "put_away", "unreadable")], "")
    shown += "".join(page.letter(replace(LETTER, seal=seal, state=state)) for seal in Seal for state in State)
    for known in ("first_seen", "pinned", "verified", "changed", "left"):
        shown += page.keys(PersonView("Bert", "0", (), (KeyView("ab" * 20, known, True, NOON),)))
    assert "_" not in shown


@pytest.mark.parametrize("state", State)
def test_what_cannot_be_done_with_a_letter_is_said_in_words(state: State) -> None:
    from dearly.letter.address import Address
    from dearly.letter.journey import _TABLE, Act, Journey, advance

    possible = {act for act in Act if act in _TABLE[state]}
    journey = Journey(Address.parse("b@letters.test"), state, NOON, NOON)
    for act in set(Act) - possible:
        with pytest.raises(errors.Refused) as refused:
            advance(journey, act, NOON)
        assert refused.value.hint
        assert "_" not in refused.value.message


def test_check_is_short_unless_details_are_asked_for() -> None:
    from dearly.desk.checking import limits_found
    from dearly.desk.values import Finding
    from dearly.opener.limits import Limits

    names = list(Limits.__dataclass_fields__)
    page = _page()
    drawer = Finding("drawer", True, "Everything in the drawer is as it was written (7 links in the chain).")
    held = [drawer, *limits_found(Limits(**dict.fromkeys(names, True)))]
    short = " ".join(page.findings(held).split())
    assert short == (
        "Everything in the drawer is as it was written. Letters of others are opened in a process that can reach"
        " neither files nor network here."
    )
    assert len(page.findings(held, details=True).splitlines()) >= len(held)
    loose = [drawer, *limits_found(Limits(**{**dict.fromkeys(names, True), "no_net": False}))]
    short = " ".join(page.findings(loose).split())
    assert "neither files nor network" not in short
    assert "could not be kept from this on this machine: to reach a network." in short
    wrong = page.findings([Finding("object_damaged", False, "Letter 3 is not as it was filed."), *held[1:]])
    assert "Not right: Letter 3" in wrong
    assert "Everything" not in wrong


def test_empty_lists_are_calm() -> None:
    page = _page()
    assert page.letterbox([]) == "Nothing today."
    assert page.outbox([]) == "The outbox is empty."
    assert page.people([]) == "Nobody is in the address book yet."
    assert page.letters([], "None.") == "None."


def test_wide_and_combining_characters_stand_in_columns() -> None:
    assert width("日本") == 4
    assert width("e\u0301") == 1
    assert table([("日本", "a"), ("x", "b")]) == "日本  a\nx     b"


@pytest.mark.parametrize(
    ("octets", "said"), [(0, "0 bytes"), (999, "999 bytes"), (3000, "3 kB"), (1_250_000, "1.2 MB")]
)
def test_sizes(octets: int, said: str) -> None:
    assert size(octets) == said


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        ("Europe/Berlin", "Sunday 22 November 2026, 13:00"),
        (":America/New_York", "Sunday 22 November 2026, 07:00"),
        ("Pacific/Kiritimati", "Monday 23 November 2026, 02:00"),
    ],
)
def test_moments_are_local(zone: str, said: str) -> None:
    assert moment(NOON, zone_of(zone)) == said


@pytest.mark.parametrize("zone", [None, "", "No/Such", "../../etc/passwd", "EST5EDT4,M3\0"])
def test_a_zone_that_cannot_be_told_is_the_machines(zone: str | None) -> None:
    assert zone_of(zone) is None


def test_wrapping_keeps_line_ends_and_long_words() -> None:
    assert wrap("a\n\nb", 80) == "a\n\nb"
    assert wrap("x" * 100, 40) == "x" * 100
    assert max(map(len, wrap("word " * 50, 400).splitlines())) <= 78


def test_printable_keeps_what_scripts_need() -> None:
    assert printable("a\tb\nc\u200d👩\u200d🚀") == "a\tb\nc\u200d👩\u200d🚀"
    assert printable("a\x00\x1b\u202eb\u2028c\ud800") == "abc"


def test_a_fingerprint_is_broken_into_equal_lines() -> None:
    page = Page(FakeTerminal(tty=True, columns=50, env={"NO_COLOR": "1"}))
    lines = page.my_card(MyCard("Ada", (), "0123abcd" * 5, "")).splitlines()[-2:]
    assert lines == ["  0123 ABCD 0123 ABCD 0123", "  ABCD 0123 ABCD 0123 ABCD"]


def test_fingerprints_are_grouped() -> None:
    assert fingerprint("0123abcd0123abcd0123abcd0123abcd0123abcd").startswith("0123 ABCD 0123")
