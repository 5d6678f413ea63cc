"""The process that decodes pictures: nothing but Pillow, the pipes and memory.

Run as `python -I -m dearly.opener.picturechild`. It is apart from the reader of letters, so that a letter never lies in
the same memory as a decoder of foreign pictures, and so that nobody who looks at none pays for Pillow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dearly.opener import developing, picture, serving
from dearly.opener.protocol import Operation
from dearly.opener.protocol_pictures import PICTURE
from dearly.opener.serving import Run


def _operations() -> Mapping[Operation[Any, Any], Run]:
    developing.warm()
    return {PICTURE: lambda what, _: developing.develop(what)}


if __name__ == "__main__":
    serving.serve(_operations, picture.MEMORY)
