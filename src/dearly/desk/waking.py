"""What comes first after a drawer was opened. Every command waits for it, so it imports little."""

from __future__ import annotations

from dearly.desk.desk import Desk
from dearly.drawer import incarnation, unfinished
from dearly.letter.words import _


async def wake(desk: Desk) -> None:
    """What comes first after opening a drawer: attempts that never ended are unknown (F06), in a drawer that was
    restored or copied nothing leaves before the person is asked (F49), and a set-up that was interrupted is completed.
    """
    desk.notices += [f"{notice.message} {notice.hint}".strip() for notice in desk.drawer.notices]
    if desk.drawer.read_only:
        return
    now = desk.clock.now()
    if await desk.drawer.read(unfinished.attempts):
        from dearly.drawer import attempts

        await desk.drawer.write(lambda db: attempts.settle_unfinished(db, now))
    if await incarnation.moved(desk.drawer):
        from dearly.drawer import outbox

        held = await incarnation.settle(desk.drawer, lambda db: len(outbox.hold_all_restored(db, now)), desk.chance)
        if held:
            desk.notices.append(
                _(
                    "This drawer was restored or copied. Letters that were waiting in it may have left since, so they"
                    " are held in the outbox; you decide whether each of them goes."
                )
            )
    if await desk.drawer.read(unfinished.key):
        from dearly.desk import own_key

        await own_key.complete(desk)
