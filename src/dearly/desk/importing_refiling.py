"""Letters of archives that lie here as received, filed as sent when their address is named as ours."""

from __future__ import annotations

from collections.abc import Sequence

from dearly.desk import indexing, newcomers
from dearly.desk.desk import Desk
from dearly.drawer import importing_refiling
from dearly.drawer.connection import Db
from dearly.letter.address import Address, Correspondent


async def refiled(desk: Desk, mine: Sequence[Address]) -> int:
    """File letters of archives as sent that are from one of these addresses, and lie here as received."""

    def work(db: Db) -> int:
        def meet(db: Db, who: Correspondent) -> int:
            return newcomers.person_of(db, desk, who).id

        return importing_refiling.refile(db, mine, meet=meet, index=indexing.index, now=desk.clock.now())

    done = 0
    while mine and (some := await desk.drawer.write(work)):
        done += some
    return done
