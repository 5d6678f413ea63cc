"""After warming up, nothing is ever loaded again: a locked-down child could not."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
sys.path.insert(0, {root!r})
from dearly.opener import child
operations = child._letters()
before = set(sys.modules)
from tests.support import opening, parcels
from tests.support.openpgp import NOW, person
from dearly.opener.protocol_letters import CERTIFICATE, MERGE, PLAN, Bytes, Merge, Plan
support = set(sys.modules) - before
cases = opening.cases()
raws = [case.raw for case in cases.values()] + list(parcels.hostile().values())
raws += [parcels.text(name.encode(), b"\\x80\\xffx") for name in child.warm.charset._KNOWN]
started = set(sys.modules)
for raw in raws:
    opening.here(raw)
own = person("ada").certificate
operations[CERTIFICATE](Bytes(own, NOW), None)
operations[MERGE](Merge(own, own), None)
operations[PLAN](Plan((), NOW), None)
late = set(sys.modules) - started
print(sorted(late))
# What the tests' own builders load does not count as warm: none of it may be a module that opening needs.
print(sorted(m for m in support if m.startswith(("encodings.", "_codecs", "bz2", "zlib", "html."))))
"""


def test_nothing_is_loaded_after_warming_up(pytestconfig: object) -> None:
    root = str(pytestconfig.rootpath)  # type: ignore[attr-defined]  # pytest's own
    found = subprocess.run(
        [sys.executable, "-I", "-c", SCRIPT.format(root=root)], capture_output=True, text=True, timeout=100, check=False
    )
    assert found.stdout.splitlines() == ["[]", "[]"], found.stderr
