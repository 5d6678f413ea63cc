"""What the desk asks of the drawer is answered by indexes: no letter is looked at that is not shown."""

from pathlib import Path

import apsw
import pytest

from dearly.drawer import home
from dearly.drawer.connection import Db
from tests.support.contents import contents_of

_MAY_BE_READ_THROUGH = {
    "SCAN d USING INDEX drafts_lately",
    "SCAN letters USING COVERING INDEX sqlite_autoindex_letters_1",  # the latest few hundred alone: there is a LIMIT
    "SCAN l",
    "SCAN persons",
}


class Explained(Db):
    """Asks SQLite how it would answer, besides answering."""

    plans: list[str]

    def each(self, sql, args=()):  # type: ignore[no-untyped-def]  # as in Db
        self.plans += [f"{row[3]}" for row in self._connection.execute(f"EXPLAIN QUERY PLAN {sql}", args)]
        return super().each(sql, args)


@pytest.mark.parametrize(
    "ask",
    [
        lambda db: home.drafts_at_hand(db, 5, 100),
        lambda db: home.written_with_lately(db, 8),
        lambda db: home.spoken(db, 1, 40),
        lambda db: home.posted_facts(db, 1),
        lambda db: home.reply_to(db, 1),
    ],
    ids=["drafts", "people", "spoken", "posted", "reply"],
)
def test_no_table_of_letters_is_read_through(tmp_path: Path, ask) -> None:  # type: ignore[no-untyped-def]  # a lambda
    with contents_of(tmp_path) as db:
        explained = Explained(db._connection)
        explained.plans = []
        ask(explained)
    assert explained.plans
    assert {plan for plan in explained.plans if plan.startswith("SCAN")} <= _MAY_BE_READ_THROUGH, explained.plans


def test_another_value_compiles_no_statement_anew(tmp_path: Path) -> None:
    """Compiling asks the authorizer; running what was compiled does not."""
    asked = []

    def permit(*what: object) -> int:
        asked.append(what)
        return apsw.SQLITE_OK

    with contents_of(tmp_path) as db:
        db._connection.set_authorizer(permit)
        home.spoken(db, 1, 40)
        compiled = len(asked)
        for person in (2, 3):
            home.spoken(db, person, 41)
        assert len(asked) == compiled > 0
