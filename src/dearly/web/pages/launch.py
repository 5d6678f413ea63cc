"""Coming in: the launch from `dearly`, by the secret of its file or the code of the terminal."""

from __future__ import annotations

from starlette.responses import Response

from dearly.desk.keeper import State
from dearly.desk.threshold import Launch
from dearly.letter.errors import Locked
from dearly.letter.words import _
from dearly.web.sessions import Seat
from dearly.web.visit import Pages, Visit, way_in

routes = Pages()


@routes.get("/launch", seat=Seat.ANYONE)
async def launch(visit: Visit) -> Response:
    """Where the file of `dearly` leads. Its script posts what stands behind the #, which is never sent by itself."""
    if visit.wants_json:
        return visit.acquaint({})
    # Led here from a file, a browser sends no cookie: to begin a session now would end the one that it has.
    if visit.request.headers.get("sec-fetch-site", "none") == "cross-site":
        return visit.show("launch.html", form=False, state=visit.keeper.state)
    if visit.seated:
        return visit.go("/")
    return visit.greet("launch.html", form=True, state=visit.keeper.state)


@routes.post("/launch", seat=Seat.ANYONE, body=4096)
async def come_in(visit: Visit) -> Response:
    """Let in whoever brings a secret or a code that is good."""
    launches, patience = visit.face.threshold.launches, visit.face.threshold.codes
    if visit.wants_json:
        # 256 bits: nobody guesses that, so nobody has to wait.
        good = launches.take_secret(str((await visit.json()).get("secret", "")))
    else:
        async with patience:
            good = launches.take_code((await visit.form()).text("code"))
            patience.right() if good else patience.wrong()
    if good is None:
        said = Locked(
            "launch_over",
            _("That did not open the desk."),
            _("A way in is good once, and for a short while. Type “dearly” in a terminal for another."),
        )
        if visit.wants_json:
            raise said
        return visit.greet("launch.html", status=401, form=True, state=visit.keeper.state, said=said)
    return _let_in(visit, good)


def _let_in(visit: Visit, launch: Launch) -> Response:
    """To the desk, where it has been open since the launch was made; else to where the passphrase opens it."""
    is_open = visit.keeper.state is State.OPEN and launch.opening == visit.keeper.opening
    seat = Seat.DESK if is_open else Seat.LAUNCHED
    seated = visit.session is not None and visit.session.seat >= seat
    if not seated:
        visit.begin(seat)
    there = "/" if is_open else way_in(visit)
    answer = visit.reply({"go": there}) if visit.wants_json else visit.go(there)
    return answer if seated else visit.carry(answer)
