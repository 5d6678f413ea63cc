"""What the readers of pictures, and of codes in pictures, are asked (`protocol`)."""

from __future__ import annotations

from dearly.opener.picture import Develop, Picture
from dearly.opener.protocol import Operation

PICTURE: Operation[Develop, Picture] = Operation("picture", Develop, Picture)
CODE: Operation[bytes, tuple[str, ...]] = Operation("code", bytes, tuple[str, ...])
