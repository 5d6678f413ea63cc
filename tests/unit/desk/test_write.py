"""Beginning a page: at which of somebody's addresses they are reached."""

from __future__ import annotations

from pathlib import Path

from dearly.desk import people, write
from tests.support.desks import a_town
from tests.support.drawers import run


def test_somebody_is_reached_where_a_letter_leaves_by_itself(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.settle("Ada", "Bert")
            far, shared = "clara@elsewhere.office.invalid", str(await bert.address()).replace("bert", "clara")
            await people.add(ada.desk, "Clara", addresses=[far, "clara@letters.test", shared])
            assert (await write.write(ada.desk, ["Clara"], "Dear Clara,")).to[0] == shared
            # Where nothing leaves by itself, the first one counts; who is named by an address is meant there.
            await people.add(ada.desk, "Dora", addresses=["dora@far.office.invalid", "dora@letters.test"])
            assert (await write.write(ada.desk, ["Dora"], "Dear Dora,")).to[0] == "dora@far.office.invalid"
            assert (await write.write(ada.desk, [far], "Dear Clara,")).to[0] == far
            await ada.gets_mail()
            assert (await write.write(ada.desk, ["Dora"], "Dear Dora,")).to[0] == "dora@letters.test"

    run(play())
