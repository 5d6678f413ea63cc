"""What holds for every test: no figure of time decides over passing, also not hypothesis's own; and Ctrl-C arrives also
where the tests run in the background, for which a shell has them ignore it.

And which come first: the dearest, so that none is begun when all else is done and the other processes are idle."""

import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.often import examples

settings.register_profile(
    "dearly", deadline=None, max_examples=examples(100), suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("dearly")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_DEAREST = [
    "faults/test_leaks",
    "web/test_exchange",
    "faults/test_opener",
    "faults/test_letter_kills",
    "contracts/test_cli_contract",
    "faults/test_cutting_proxy",
    "peers/test_two_hundred_letters",
    "web/test_accounts",
    "web/test_process_browser",
    "faults/test_bad_input",
    "web/test_security_rules",
    "web/test_home_desk",
    "web/test_settings_pages",
    "stories/test_soft_lock",
    "peers/test_desk_by_mail",
    "web/test_page_kill",
    "faults/test_office",
    "faults/test_office_nodes",
    "docs/test_readme",
    "web/test_book",
    "peers/test_gnupg",
    "unit/desk/test_importing_whole",
    "unit/web/test_hints",
]
"""Files that take a processor from seven seconds to half a minute, the dearest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {Path(__file__).parent / f"{name}.py": place for place, name in enumerate(_DEAREST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))
