"""Whole rounds of a desk with the wire to the office cut: each letter is there once in the end (F04-F06, F30)."""

from __future__ import annotations

from pathlib import Path

import pytest

from dearly.assemble.ways import MachineWays
from dearly.desk import people, setup
from tests.support.cutting_proxy import Side, cutting_proxy
from tests.support.desks import Person, a_town
from tests.support.drawers import run
from tests.support.offices import Office, an_office

PLACES = [0, 1, 17, 120, 400, 900, 2_000, 4_000, 8_000]
"""Bytes after which the wire is cut; the carriers' own tests cut at the others."""


async def move_in(town_office: Office, people_: list[Person], port: int) -> None:
    for person in people_:
        invitation = town_office.invite(person.name.lower())
        await setup.join_office(person.desk, f"http://127.0.0.1:{port}", invitation)
    for one in people_:
        for other in people_:
            if one is not other:
                card = (await setup.my_card(other.desk)).vcard.encode()
                await people.add(one.desk, other.name, vcard=card)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("side", list(Side))
def test_any_round_may_be_cut(tmp_path: Path, side: Side) -> None:
    async def play(office: Office) -> None:
        async with (
            cutting_proxy(office.port) as proxy,
            a_town(tmp_path, lambda: MachineWays(tmp_path / "none")) as town,
        ):
            ada, bert = await town.person("Ada"), await town.person("Bert")
            await move_in(office, [ada, bert], proxy.port)
            for n, place in enumerate(PLACES, 1):
                number = await ada.write("Bert", f"Letter {n}.\n")
                await ada.post(number)
                proxy.cut(side, place)
                await ada.round()
                proxy.fresh()
                town.clock.pass_(minutes=10)
                await ada.round()
                assert await ada.state(number) in {"on_its_way", "held_for_them"}, place
                proxy.cut(side, place)
                await bert.round()
                proxy.fresh()
                await bert.round()
                texts = [(await bert.open(e.number)).text for e in await bert.letterbox()]
                assert sorted(texts) == sorted(f"Letter {k}.\n" for k in range(1, n + 1)), place

    with an_office() as office:
        run(play(office))
