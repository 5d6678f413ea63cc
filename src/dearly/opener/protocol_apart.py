"""What children are asked that read one thing and end: a visiting card, a provider's settings (`protocol`)."""

from __future__ import annotations

from dearly.exchange.vcard import Card
from dearly.letter.suggestion import Settings
from dearly.opener.protocol import Operation
from dearly.opener.protocol_letters import Bytes

CARD: Operation[Bytes, Card] = Operation("card", Bytes, Card)
SETTINGS: Operation[bytes, Settings] = Operation("settings", bytes, Settings)
