"""What a signer is worth, from what the address book says of it."""

import pytest

from dearly.desk.recognise import best, recognise
from dearly.letter.sealing import Binding


@pytest.mark.parametrize("speaks", [True, False])
@pytest.mark.parametrize("standing", [Binding.PINNED, Binding.VERIFIED, Binding.FIRST_SEEN, Binding.OTHER])
def test_what_the_address_book_knows_is_what_counts(standing: Binding, speaks: bool) -> None:
    assert recognise(standing, speaks_for_sender=speaks) is standing


def test_an_unknown_key_counts_only_when_it_speaks_for_the_sender() -> None:
    assert recognise(None, speaks_for_sender=True) is Binding.FIRST_SEEN
    assert recognise(None, speaks_for_sender=False) is Binding.OTHER
    assert recognise(Binding.CHANGED, speaks_for_sender=True) is Binding.CHANGED
    assert recognise(Binding.CHANGED, speaks_for_sender=False) is Binding.OTHER


def test_the_strongest_of_several_signers() -> None:
    assert best({}) == (Binding.OTHER, None)
    assert best({"a": Binding.OTHER, "b": Binding.PINNED, "c": Binding.CHANGED}) == (Binding.PINNED, "b")
