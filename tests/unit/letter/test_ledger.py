"""Numbers on both sides' letters."""

from dearly.letter.ledger import missing, next_number


def test_numbers() -> None:
    assert next_number([]) == 1
    assert next_number([1, 2, 7]) == 8
    assert missing([]) == []
    assert missing([1, 2, 3]) == []
    assert missing([2, 5, 5]) == [1, 3, 4]
