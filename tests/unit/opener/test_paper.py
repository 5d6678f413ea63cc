"""A text on paper: what a reader sees of it, and nothing that could reach out or run (A29-A31, A04, A21)."""

from __future__ import annotations

import pytest
from tests.support.furnished import HOSTILE
from tests.support.hostile import OUT, VECTORS, each, reaches_out

from dearly.mime.visible import from_html
from dearly.opener.paper import paper
from dearly.opener.showing import Paper, Sheet

PICTURE, LINK = "/letter/7/picture/", "/letter/7/link/"


def ours(text: str, *pictures: str) -> Paper:
    """CommonMark on paper."""
    return paper(Sheet(text, True, pictures, PICTURE, LINK))


def theirs(text: str, html: str | None = None) -> Paper:
    """Another program's clean text on paper."""
    return paper(Sheet(text, False, (), PICTURE, LINK, html))


@pytest.mark.parametrize("vector", [*VECTORS, HOSTILE], ids=lambda vector: vector[:40])
def test_markup_in_a_letter_is_text(vector: str) -> None:
    for made in (ours(vector), ours(f"- {vector}\n\n> {vector}"), theirs(vector), theirs(from_html(vector).text)):
        assert not reaches_out(made.html, PICTURE, LINK)


@pytest.mark.parametrize("vector", list(each()), ids=lambda vector: vector[:40])
def test_nothing_hides_in_links_and_pictures_of_commonmark(vector: str) -> None:
    inside = vector.replace("\n", " ")
    for text in (
        f"[x](<{inside}>)",
        f"![x]({inside})",
        f"[{inside}]({OUT})",
        f'[x]({OUT} "{inside}")',
        f"```{inside}\nx\n```",
    ):
        assert not reaches_out(ours(text, "a").html, PICTURE, LINK), text


def test_a_letter_has_its_dress() -> None:
    made = ours("Bergen, 22 November 2026\n\nDear Irma,\n\nit is late.\n\nYours,\n\nAda\n").html
    assert '<p class="dateline" dir="auto">Bergen, 22 November 2026</p>' in made
    assert '<p class="salute" dir="auto">Dear Irma,</p>' in made
    assert '<p class="close" dir="auto">Yours,</p><p class="signature" dir="auto">Ada</p>' in made


def test_a_letter_without_it_is_left_as_it_is() -> None:
    made = ours("I write to you.\n\nAnd that is all.\n").html
    assert made == '<p dir="auto">I write to you.</p><p dir="auto">And that is all.</p>'
    assert ours("Dear Irma,").html == '<p dir="auto">Dear Irma,</p>'


def test_markup_of_ours() -> None:
    made = ours("# A\n\n*e* **s** ~~x~~ `c`\n\n> q\n\n- a\n- b\n\n3. c\n\n---\n\n|h|\n|-|\n|d|\n").html
    for piece in ("<h2", "<em>e</em>", "<strong>s</strong>", "<s>x</s>", "<code>c</code>", "<blockquote", "<ul><li",
                  '<ol start="3">', "<hr>", "<table><thead>"):  # fmt: skip
        assert piece in made


def test_lines_that_someone_ended_end() -> None:
    assert "Your<br>Ada" in ours("Your\nAda").html
    long = "a line that a program broke, because it had come to its seventy-second"
    assert f"{long} character" in ours(f"{long}\ncharacter").html
    assert "Your<br>Ada" in theirs("Your\nAda").html
    assert f"{long} character" in theirs(f"{long}\ncharacter").html


def test_own_pictures_only() -> None:
    made = ours(f"![The mill](cid:mill)\n\n![x]({OUT}/p.png) ![y](cid:other)", "mill")
    assert (
        f'<figure class="placed"><img class="picture" src="{PICTURE}mill" alt="The mill" loading="lazy"></figure>'
        in made.html
    )
    assert made.html.count("<img") == 1
    assert made.placed == ("mill",)
    assert made.links == (f"{OUT}/p.png",)


def test_an_id_of_a_picture_cannot_leave_its_path() -> None:
    cid = '../x"?a#b/c'
    made = ours("![x](<cid:..%2Fx%22%3Fa%23b%2Fc>)", cid)
    assert f'src="{PICTURE}..%2Fx%22%3Fa%23b%2Fc"' in made.html


@pytest.mark.parametrize(
    ("text", "host"),
    [
        (f"[www.your-bank.example]({OUT}/bank)", "elsewhere.invalid"),
        ("[https://a.example/x](https://b.example/x)", "b.example"),
        ("[x](https://your-bank.example@b.example/)", "b.example"),
        ("<https://аррӏе.com/x>", "xn--80ak6aa92e.com"),
        ("https://bank.example@evil.example/", "evil.example"),
        ("[x](mailto:ada@letters.test)", "ada@letters.test"),
        ("[x](https://b.example:8080/)", "b.example:8080"),
    ],
)
def test_where_a_link_really_leads_is_said(text: str, host: str) -> None:
    assert f'<span class="host">({host})</span>' in ours(text).html


def test_a_link_that_says_its_host_needs_no_note() -> None:
    for text in (
        "<https://b.example/x>",
        "[https://b.example](https://b.example/y)",
        "[b.example](https://b.example/y)",
    ):
        assert "host" not in ours(text).html


def test_links_lead_to_a_page_of_ours() -> None:
    made = theirs("See https://a.example/1, (https://b.example/x_(y)) and https://a.example/1.")
    assert made.links == ("https://a.example/1", "https://b.example/x_(y)")
    assert made.html.count(f'href="{LINK}0"') == 2
    assert ours("[x](https://a.example)").html.count("href") == 1
    assert "href" not in paper(Sheet("[x](https://a.example)", True)).html, "a draft's links lead nowhere"


def test_quotes_lists_and_rules_of_other_programs() -> None:
    made = theirs("Ada wrote:\n> one\n>> two\n> three\n\n- a\n  b\n- c\n\n2. x\n3. y\n\n* * *\n").html
    assert (
        '<blockquote dir="auto"><p dir="auto">one</p><blockquote dir="auto"><p dir="auto">two</p></blockquote>' in made
    )
    assert '<ul><li dir="auto">a<br>b</li><li dir="auto">c</li></ul>' in made
    assert '<ol start="2"><li dir="auto">x</li><li dir="auto">y</li></ol>' in made
    assert made.endswith("<hr>")


def test_another_programs_text_is_no_commonmark() -> None:
    made = theirs("**not bold** ![x](cid:y) # no <b>heading</b> &amp; `no code`").html
    assert "<strong>" not in made
    assert "&lt;b&gt;heading&lt;/b&gt; &amp;amp;" in made


def test_long_addresses_lead_whole() -> None:
    long = f"{OUT}/{'x' * 200}"
    html = f'<p>Here <a href="{long}">the map</a></p>'
    text = from_html(html).text
    made = theirs(text, html)
    assert "/…" in text
    assert made.links == (long,)


def test_hidden_text_does_not_come_in() -> None:
    made = theirs(from_html(HOSTILE).text, HOSTILE).html
    assert "SECRET-MARKER" not in made
    assert "Dear Ada, here is a letter from a shop." in made


def test_direction_is_each_paragraphs_own() -> None:
    made = ours("שלום\n\nhello \u202egnirts\u202c\n").html
    assert made == '<p dir="auto">שלום</p><p dir="auto">hello gnirts</p>'


def test_depth_and_length_have_an_end() -> None:
    for made in (ours(">" * 5000 + " x"), theirs(">" * 5000 + " x"), theirs("- " * 3000 + "x"), ours("*" * 20_000)):
        assert len(made.html) < 100_000
    assert "x" * 2000 in ours("x" * 4_100_000).html, "too long for CommonMark: plainly"
