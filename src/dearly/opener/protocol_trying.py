"""What children are asked that try their own limits (`protocol`)."""

from __future__ import annotations

from dataclasses import dataclass

from dearly.opener.protocol import Operation


@dataclass(frozen=True, slots=True)
class Empty:
    """Nothing to say."""


@dataclass(frozen=True, slots=True)
class Try:
    """What a self-test is to attempt. `home`: the home folder; `file`: an empty file in an empty folder, both
    ours to change; `port`: one of 127.0.0.1 that answers."""

    home: str
    file: str
    port: int


@dataclass(frozen=True, slots=True)
class Tried:
    """What of it was refused by the system, as it should be."""

    memory: bool
    descriptors: bool
    output: bool
    no_net: bool
    no_files: bool
    processes: bool


TRY: Operation[Try, Tried] = Operation("try", Try, Tried)
EXEC: Operation[Empty, bool] = Operation("exec", Empty, bool)
SPIN: Operation[Empty, Empty] = Operation("spin", Empty, Empty)
