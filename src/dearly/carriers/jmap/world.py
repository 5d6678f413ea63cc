"""Letters that an office hands on to e-mail addresses: how far they are, and taking one out of its queue in time.

The office makes each such submission once, whatever became of it. So it is asked before anything is handed over: what
it knows of is an outcome already, and only what it knows nothing of is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dearly.carriers.base import for_each
from dearly.carriers.jmap.line import Cut, NotDone
from dearly.carriers.jmap.looking import by_keys, delivery, outcome_of
from dearly.carriers.jmap.session import Account, MethodFailed, mapping, text
from dearly.letter.address import Address
from dearly.letter.envelope import SealedLetter
from dearly.letter.errors import CarrierTrouble
from dearly.letter.journey import Accepted, Evidence, Found, NothingProven, NotThere, Outcome, Unknown


async def under_way(account: Account, letters: Sequence[SealedLetter]) -> dict[tuple[int, Address], Outcome]:
    """What the office knows already of these, by their place in the list and their recipient in the world.

    Raises `NotDone`, `Cut`, `MethodFailed` and `CarrierTrouble`: nothing was handed over by asking."""
    found: dict[tuple[int, Address], Outcome] = {}
    for n, letter in enumerate(letters):
        abroad = [r for r in letter.envelope.recipients if r.domain != account.address.domain]
        if abroad:
            made = await by_keys(account, letter, abroad)
            found |= {(n, r): outcome_of(delivery(one, r)) for r, one in made.items()}
    return found


async def recall(account: Account, letter: SealedLetter) -> Mapping[Address, Evidence]:
    """See `Relays.recall`."""
    evidence: dict[Address, Evidence] = dict(for_each(letter, NothingProven()))
    try:
        session = await account.session()
        if not session.once:
            return evidence
        for recipient, one in (await by_keys(account, letter, letter.envelope.recipients)).items():
            if one.get("undoStatus") == "pending":
                update = {text(one.get("id")): {"undoStatus": "canceled"}}
                given = {"accountId": session.account, "update": update}
                answers = await account.ask([("EmailSubmission/set", given, "u")])
                if mapping(answers.of("u", "EmailSubmission/set").get("updated")):
                    evidence[recipient] = NotThere()
                    continue
            match outcome_of(delivery(one, recipient)):
                case Accepted():
                    evidence[recipient] = Found()
                case Unknown():
                    pass
    except (NotDone, Cut, MethodFailed, CarrierTrouble):
        pass  # the next round asks again
    return evidence
