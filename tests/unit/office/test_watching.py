"""What an operator sees of a running office: its health, its measures, its limits; and what nobody sees there."""

from __future__ import annotations

from pathlib import Path

import pytest

from dearly.letter.errors import Usage
from dearly.office import limits
from dearly.office.limits import DEFAULT, Limits, from_toml, size_of
from dearly.office.metrics import Metrics
from tests.support.offices import Member, Office, an_office, parcel


def measures(office: Office) -> dict[str, float]:
    answer = office.http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _space, value in (line.rpartition(" ") for line in lines)}


def test_measures_count_and_name_nobody(office: Office, ada: Member, bert: Member) -> None:
    ada.hand_over(parcel(ada.address, bert.address), bert)
    assert office.http.get("/jmap/session", headers={"authorization": "Bearer wrong"}).status_code == 401
    found = measures(office)
    assert found["dearly_office_up"] == 1
    assert found["dearly_office_accounts"] >= 2
    assert found["dearly_office_under_way"] == 1
    assert found["dearly_office_memory_bytes"] > 1_000_000
    assert found['dearly_office_answers_total{act="api",status="200"}'] >= 1
    assert found['dearly_office_answers_total{act="session",status="401"}'] >= 1
    assert found['dearly_office_seconds_bucket{act="api",le="+Inf"}'] == found['dearly_office_seconds_count{act="api"}']
    text = office.http.get("/metrics").text
    for private in (*map(str, (ada.address, bert.address)), ada.uid, ada.token, ada.address.local, "office.invalid"):
        assert private not in text


def test_measures_are_for_this_machine_only(office: Office) -> None:
    for field in ("x-forwarded-for", "x-forwarded-proto", "forwarded", "via", "x-real-ip"):
        assert office.http.get("/metrics", headers={field: "https"}).status_code == 404


def test_buckets_add_up() -> None:
    m = Metrics()
    for seconds in (0.001, 0.005, 0.02, 3.0, 99.0):
        m.begun()
        m.answered("api", 200, seconds)
    text = m.text(healthy=False, counts=None)
    assert "dearly_office_up 0" in text
    assert 'le="0.005"} 2\n' in text
    assert 'le="0.025"} 3\n' in text
    assert 'le="5.0"} 4\n' in text
    assert 'le="+Inf"} 5\n' in text
    assert "dearly_office_accounts" not in text


def test_the_door_says_what_this_is(office: Office) -> None:
    answer = office.http.get("/")
    assert answer.status_code == 200
    assert "--join" in answer.text


def test_wrong_tokens_behind_a_proxy_are_counted_by_whom_it_names() -> None:
    with an_office(limits=Limits(failures=3)) as office:
        ada = office.member("ada")

        def wrong(who: str) -> int:
            fields = {"authorization": "Bearer wrong", "x-forwarded-for": f"ada@letters.test, {who}"}
            return office.http.get("/jmap/session", headers=fields).status_code

        assert [wrong("192.0.2.1") for _n in range(5)] == [401, 401, 401, 429, 429]
        assert wrong("192.0.2.2") == 401
        fine = ada.headers | {"x-forwarded-for": "192.0.2.1"}
        assert office.http.get("/jmap/session", headers=fine).status_code == 200


def test_requests_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    with an_office(limits=Limits(requests_a_minute=5)) as office:
        ada, bert = office.member("ada"), office.member("bert")
        answers = [ada.post([["Core/echo", {}, "0"]]) for _n in range(12)]
        assert 429 in {a.status_code for a in answers}
        assert next(a for a in answers if a.status_code == 429).json()["limit"] == "maxRequestsPerMinute"
        assert bert.post([["Core/echo", {}, "0"]]).status_code == 200


def test_limits_from_a_file() -> None:
    given = from_toml('quota = "2 GB"\nkept = 14\nupload = 1000000\nhead_seconds = 5\nfailures = 7\nunclaimed = 0.5\n')
    assert (given.quota, given.kept.days, given.upload, given.failures) == (2_000_000_000, 14, 1_000_000, 7)
    assert (given.head_seconds, given.unclaimed.total_seconds()) == (5.0, 43_200)
    assert from_toml("") == DEFAULT


def test_the_limits_that_are_written_down_are_the_usual_ones() -> None:
    page = (Path(__file__).parents[3] / "docs" / "office.md").read_text()
    assert from_toml(page.partition("```toml\n")[2].partition("```")[0]) == DEFAULT


@pytest.mark.parametrize(
    "text",
    [
        "quota",
        "quota = true",
        "quota = -1",
        'quota = "much"',
        "nothing = 1",
        'kept = "long"',
        "calls = 1.5",
        "kept = 1e9",
    ],
)
def test_limits_that_cannot_be_meant(text: str) -> None:
    with pytest.raises(Usage) as caught:
        from_toml(text)
    assert caught.value.code in ("bad_limits", "bad_size")


def test_sizes() -> None:
    assert [size_of(t) for t in ("5", "5 kB", "5MB", " 2 gb ", "1TB")] == [5, 5_000, 5_000_000, 2 * 10**9, 10**12]
    assert limits.size_of("0") == 0
