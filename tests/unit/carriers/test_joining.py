"""An invitation for an account at a real office."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from dearly.carriers.jmap import JmapCarrier, join, new_token
from dearly.letter.errors import CarrierTrouble, DearlyError, Refused
from dearly.letter.journey import Accepted
from tests.support.cutting_proxy import Side, cutting_proxy
from tests.support.fake_letters import BERT, DORA, fake_letter
from tests.support.letters_office import letters_office
from tests.support.offices import Office
from tests.support.scripted_jmap import Answer, as_json, scripted


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with letters_office(tmp_path_factory.mktemp("office")) as (running, _people):
        yield running


def test_who_joins_can_post_at_once(office: Office) -> None:
    async def scene() -> None:
        token = new_token()
        membership = await join(office.url, office.invite("dora"), token)
        assert membership.address == DORA
        carrier = JmapCarrier(membership.url, token, membership.address)
        assert await carrier.hand_over(fake_letter(1, BERT, sender=DORA)) == {BERT: Accepted()}
        await carrier.close()

    asyncio.run(scene())


def test_after_a_lost_answer_the_same_token_joins_the_same_account(office: Office) -> None:
    async def scene() -> None:
        invitation, token = office.invite("erna"), new_token()
        async with cutting_proxy(office.port) as proxy:
            url = f"http://127.0.0.1:{proxy.port}"
            for place in (0, 5, 12, 60, 200):
                proxy.cut(Side.SERVER, place)
                with pytest.raises(CarrierTrouble) as trouble:
                    await join(url, invitation, token)
                assert trouble.value.retry
            proxy.fresh()
            membership = await join(url, invitation, token, name="Erna")
            assert str(membership.address) == "erna@letters.test"
            carrier = JmapCarrier(membership.url, token, membership.address)
            assert (await carrier.collect("")).parcels == ()
            await carrier.close()
            await proxy.stop()
            with pytest.raises(CarrierTrouble) as away:
                await join(url, invitation, token)
            assert away.value.code == "office_unreachable"
        with pytest.raises(Refused) as used:
            await join(office.url, invitation, new_token())
        assert used.value.code == "invitation_used"

    asyncio.run(scene())


def test_an_invitation_that_is_none_or_another_ones_is_refused_in_our_words(office: Office) -> None:
    async def scene() -> None:
        with pytest.raises(Refused) as unknown:
            await join(office.url, "fake-invitation", new_token())
        assert unknown.value.code == "no_invitation"
        with pytest.raises(Refused) as other:
            await join(office.url, office.invite("frida"), new_token(), name="greta")
        assert other.value.code == "other_name"

    asyncio.run(scene())


@pytest.mark.parametrize(
    "answer",
    [
        Answer(404, b"{}"),
        Answer(200, b"<html>"),
        Answer(500),
        Answer(429, b"{}"),
        as_json({"code": "no_such_code", "detail": "Pay here: evil.test"}, 403),
        as_json({"address": "not an address"}, 201),
        as_json([], 201),
    ],
)
def test_what_is_no_office_cannot_be_joined(answer: Answer) -> None:
    async def scene() -> None:
        async with scripted(lambda _request: answer) as server:
            with pytest.raises(DearlyError) as trouble:
                await join(server.url, "fake-invitation", new_token())
            assert trouble.value.code in ("office_answer", "office_unreachable")
            assert "evil" not in trouble.value.message

    asyncio.run(scene())


def test_a_token_is_256_bits_of_its_own(tmp_path: Path) -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert {len(token) for token in tokens} == {43}
