"""What children that make letters fit to be shown are asked (`protocol`)."""

from __future__ import annotations

from dearly.opener.protocol import Operation
from dearly.opener.showing import Foreign, Paper, Sheets

PAPER: Operation[Sheets, tuple[Paper, ...]] = Operation("paper", Sheets, tuple[Paper, ...])
FRAME: Operation[Foreign, str] = Operation("frame", Foreign, str)
