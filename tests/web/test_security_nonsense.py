"""Our own session, and nonsense: whatever is sent, the desk answers in words and never fails."""

from __future__ import annotations

import pytest

from tests.support.crawling import FORM, Wire, acts
from tests.support.furnished import Furnished
from tests.web.conftest import DeskOf

pytestmark = pytest.mark.long  # minutes of asking; the table of wrong questions is asked in every run

PATIENT = ("/unlock", "/launch", "/locked/kit", "/settings/passphrase", "/settings/kit")


def test_whatever_is_sent_the_desk_does_not_fail(desk_of: DeskOf, furnished: Furnished) -> None:
    bodies = [
        (FORM, b"%ff=%zz&a&=&&number=-1&to=&text=%00&version=999999999999999999999&date=x&uid=../.."),
        (FORM, b"revision=1&text=%F0%9F%92%8C&to=nobody%40&name=%E2%80%AE&day=9999-99-99&way=none&by=none&language=xx"),
        ("multipart/form-data; boundary=B", b'--B\r\nContent-Disposition: form-data; name="x"; filename="a"\r\n\r\n'),
        ("multipart/form-data", b"x"),
        ("application/json", b"[" * 10_000),
        ("application/json", b'{"revision": "x", "text": 1, "to": {}, "caret": -1, "history": []}'),
        ("application/json", b'{"revision": 1e400, "text": "\\ud800", "to": [null], "caret": 99999999999999999999}'),
        ("application/octet-stream", b"\xff" * 100),
    ]
    found = []
    for home, there in ((desk_of("Nobody"), None), (furnished.home, furnished)):
        key, token = home.session()
        fields = [
            ("Host", home.host),
            ("Cookie", f"__Host-desk={key}"),
            ("Origin", home.origin),
            ("Dearly-Token", token),
        ]
        for act in acts(there):
            if act.method != "POST" or act.route in ("/lock", "/stop"):
                continue
            far = act.path.replace("/1", "/99999999999999999999999")
            # Wrong words make the desk slower and slower to answer.
            some = bodies[:1] if there is None or act.route in PATIENT else bodies
            asked = [(act.path, kind, body) for kind, body in some]
            asked += [(far, *bodies[0])] if far != act.path else []
            for path, kind, body in asked:
                answer = Wire(home).ask("POST", path, [*fields, ("Content-Type", kind)], body)
                if answer.status >= 500 and answer.status != 503:
                    found.append(f"{act.route} {kind} {body[:30]!r}: {answer.status}")
    assert found == []
