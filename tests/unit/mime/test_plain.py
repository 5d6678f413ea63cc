"""Readable text: what was to be seen, and nothing else (A03, A04, A21, A30, A31, A32)."""

from __future__ import annotations

import pytest

from dearly.mime.plain import clean_filename, from_flowed, quote, shown
from dearly.mime.read import outline, readable
from dearly.mime.visible import from_html
from tests.support.parcels import MARKER, html

VISIBLE = {
    "paragraphs": ("<p>one</p><p>two\n three</p>", "one\n\ntwo three\n"),
    "lines": ("one<br>two<br><br>three", "one\ntwo\n\nthree\n"),
    "blanks": ("  a \n <b> b</b>  <i>c </i> d", "a b c d\n"),
    "headings": ("<h1>Title</h1>text<h2>More</h2>", "Title\n\ntext\n\nMore\n"),
    "list": ("<ul><li>one<li>two<ul><li>deep</ul></ul>after", "- one\n- two\n  - deep\n\nafter\n"),
    "numbers": ("<ol start=3><li>x<li><p>y<p>z</ol>", "3. x\n4. y\n   z\n"),
    "quotes": (
        "<p>I<blockquote><p>you<p>more<blockquote>she</blockquote></blockquote>me",
        "I\n\n> you\n>\n> more\n>\n> > she\n\nme\n",
    ),
    "table": ("<table><tr><th>a<th>b<tr><td>1<td>2</table>", "a | b\n1 | 2\n"),
    "preformatted": ("<pre>a  b\n  c\n\nd</pre>", "a  b\n  c\n\nd\n"),
    "rule": ("a<hr>b", "a\n\n* * *\n\nb\n"),
    "picture": ('<img src="cid:x" alt="The harbour">', "[The harbour]\n"),
    "entities": ("&lt;b&gt; &amp;amp; caf&eacute; &#128512;", "<b> &amp; café 😀\n"),
    "no markup": ("just text", "just text\n"),
    "nothing": ("", ""),
    "comments": ("a<!-- hidden -->b<!--[if mso]>c<![endif]-->", "ab\n"),
    "head": ("<html><head><title>T</title></head><body>b</body></html>", "b\n"),
}


@pytest.mark.parametrize("case", VISIBLE)
def test_visible(case: str) -> None:
    markup, wanted = VISIBLE[case]
    assert from_html(markup).text == wanted


LINKS = {
    "named": ('<a href="https://letters.test/x">here</a>', "here <https://letters.test/x>"),
    "itself": ('<a href="https://letters.test/">https://letters.test</a>', "https://letters.test"),
    "another host": ('<a href="http://evil.test/">safe.test</a>', "safe.test <http://evil.test/>"),
    "a user name that looks like a host": ('<a href="https://safe.test@evil.test/">x</a>', "x <https://evil.test/>"),
    "other scripts": ('<a href="https://bаnk.test/">x</a>', "x <https://xn--bnk-6cd.test/>"),
    "long": (f'<a href="https://evil.test/{"a" * 500}">x</a>', "x <https://evil.test/…>"),
    "mail": ('<a href="mailto:ada@letters.test">Ada</a>', "Ada <ada@letters.test>"),
    "script": ('<a href="javascript:alert(1)">x</a>', "x"),
    "script, disguised": ('<a href=" java\tscript:alert(1)">x</a>', "x"),
    "data": ('<a href="data:text/html,x">x</a>', "x"),
    "file": ('<a href="file:///etc/passwd">x</a>', "x"),
    "relative": ('<a href="/x">x</a>', "x"),
    "broken": ('<a href="http://[">x</a>', "x"),
    "a port": ('<a href="http://letters.test:8080/">x</a>', "x <http://letters.test:8080/>"),
}


@pytest.mark.parametrize("case", LINKS)
def test_links_show_where_they_lead(case: str) -> None:
    markup, wanted = LINKS[case]
    assert from_html(markup).text == wanted + "\n"


HIDING = [
    f'<p style="{style}">{MARKER}</p>'
    for style in (
        "display:none",
        "DISPLAY : None !important",
        "color:red;display:none",
        "display:/**/none",
        r"d\69splay:none",
        "visibility:hidden",
        "opacity:0",
        "opacity: 0.0",
        "font-size:0",
        "font-size:0px;",
        "font: 0/0 a",
        "max-height:0;overflow:hidden",
        "height:0;overflow:hidden",
        "width:0px;overflow:hidden",
        "mso-hide:all",
        "text-indent:-9999px",
        "position:absolute;left:-10000px",
        "color:transparent",
        "clip:rect(0,0,0,0)",
        "transform:scale(0)",
    )
] + [
    f"<p hidden>{MARKER}</p>",
    f"<div style='display:none'><p>a<b>{MARKER}</b></div>",
    f"<script>{MARKER}</script>",
    f"<style>{MARKER}</style>",
    f"<template>{MARKER}</template>",
    f"<title>{MARKER}</title>",
    f"<svg><text>{MARKER}</text></svg>",
    f"<math><mi>{MARKER}</mi></math>",
    f"<iframe>{MARKER}</iframe>",
    f"<object>{MARKER}</object>",
    f"<noframes>{MARKER}</noframes>",
    f"<textarea>{MARKER}</textarea>",
    f"<select><option>{MARKER}</select>",
    f"<!-- {MARKER} -->",
    f'<img src="https://evil.test/{MARKER}">',
    f'<p title="{MARKER}">',
    f"<style>.a{{display:none}}</style><p class=a>{MARKER}",
    f"<style>#a , .b{{color:red}} p > #a{{font-size:0}}</style><p><b id=a>{MARKER}</b>",
    f"<style>@media print{{.a{{display:none}}}}</style><p class=a>{MARKER}",
    f"<style>@media (max-width:1px){{x{{y:z}} div.a{{visibility:hidden}}}}</style><div class=a>{MARKER}",
]


@pytest.mark.parametrize("hiding", HIDING)
def test_hidden_text_is_left_out_and_never_quoted(hiding: str) -> None:
    """A04: text hidden under any condition is not in what is shown, nor in an answer that would be signed."""
    raw = html(f"<p>Hello</p>{hiding}")
    body = readable(raw, outline(raw))
    assert body.text.strip() == "Hello"
    assert MARKER not in quote(body.text)


def test_that_something_was_left_out_is_said() -> None:
    assert from_html("<p>a<p hidden>b").left_out
    assert not from_html("<p>a<p hidden> </p>").left_out
    assert not from_html("<p>a<script>b</script>").left_out


@pytest.mark.parametrize(
    "style", ["font-size:0.9em", "opacity:0.5", "margin:0", "width:0", "max-width:100%", "font:10px a", "opacity:05"]
)
def test_what_only_looks_like_hiding_is_shown(style: str) -> None:
    assert from_html(f'<p style="{style}">text').text == "text\n"


def test_a_style_sheet_that_hides_everything_is_not_believed() -> None:
    sheet = "<style>@media screen{.wide{display:none}} @media print{.small{display:none}}</style>"
    assert from_html(f"{sheet}<p class=wide>one<p class=small>two").text == "one\n\ntwo\n"


def test_too_deep_html_is_only_stripped() -> None:
    assert from_html("<div>" * 5000 + "text" + "<script>x</script><p>more").text == "text\nmore\n"


def test_markup_never_comes_out() -> None:
    """A30, as text: what looks like markup in the result was text in the letter."""
    for markup in (
        "<img src=x onerror=alert(1)>",
        "<svg><style><img src=x onerror=alert(1)></style></svg>",
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
        "<form><input value=x onfocus=alert(1)></form>",
        "<a href='//evil.test' style='background:url(//evil.test)'></a>",
        "<base href=//evil.test><link rel=stylesheet href=//evil.test>",
        "<xmp><img src=x></xmp>"[:5],
    ):
        assert "<" not in from_html(f"<p>Hello</p>{markup}").text
        assert "evil.test" not in from_html(f"<p>Hello</p>{markup}").text


FLOWED = {
    "paragraph": ("one \ntwo \nthree\nfour", "one two three\nfour"),
    "quotes": ("> one \n> two\n>> three\nfour", "> one two\n>> three\nfour"),
    "another depth ends it": ("> one \ntwo", "> one \ntwo"),
    "stuffed": (" From here\n >not a quote", "From here\n>not a quote"),
    "the mark of a signature": ("one \n-- \nAda", "one \n-- \nAda"),
    "empty": ("", ""),
}


@pytest.mark.parametrize("case", FLOWED)
def test_flowed(case: str) -> None:
    flowed, wanted = FLOWED[case]
    assert from_flowed(flowed) == wanted


def test_flowed_without_its_blanks() -> None:
    assert from_flowed("日本 \n語", delsp=True) == "日本語"


def test_shown() -> None:
    assert shown("a\r\nb\rc\x00\x1b[31m\x7f\x9b\u202eevil\u2066\u2028\ufeff\td") == "a\nb\nc[31mevil\td"
    # What whole scripts and emoji need stays: joiners, and combining characters.
    assert shown("👩\u200d🌾 می\u200cخواهم e\u0301") == "👩\u200d🌾 می\u200cخواهم e\u0301"


def test_quote() -> None:
    assert quote("\nDear Bert,\n\n> so\n\u202etext\n") == "> Dear Bert,\n>\n> > so\n> text\n"


NAMES = {
    "plain.txt": "plain.txt",
    "../../etc/passwd": "passwd",
    "..\\..\\boot.ini": "boot.ini",
    "/": "enclosure",
    "": "enclosure",
    "..": "enclosure",
    " . ": "enclosure",
    "a\0b\r\nc.txt": "ab c.txt",
    "photo\u202egpj.exe": "photogpj.exe",
    "invoice.pdf.exe": "invoice.pdf.exe",
    "CON": "_CON",
    "con.txt": "_con.txt",
    "COM1.tar.gz": "_COM1.tar.gz",
    "console.txt": "console.txt",
    ".bashrc": "bashrc",
    "trailing. . ": "trailing",
    'a<b>:"|?*.txt': "a_b______.txt",
    "e\u0301t\u00e9.jpg": "été.jpg",
    "a\u200bb.txt": "ab.txt",
    "x" * 300 + ".jpeg": "x" * 115 + ".jpeg",
    "ü" * 300 + ".jpeg": "ü" * 57 + ".jpeg",
    "y" * 300: "y" * 120,
    "z." + "w" * 300: "z." + "w" * 118,
}


@pytest.mark.parametrize("name", NAMES)
def test_file_names(name: str) -> None:
    """A32."""
    assert clean_filename(name) == NAMES[name]
    assert clean_filename(NAMES[name]) == NAMES[name]
    assert len(NAMES[name].encode()) <= 120
