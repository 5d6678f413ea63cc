"""A mail provider's settings as XML: clientConfig 1.1, as Thunderbird's autoconfig and its directory have it, and its
descendant draft-ietf-mailmaint-autoconfig (JMAP by URL, oAuth2). What it names beside mail is passed over.

Foreign XML: no DOCTYPE, no entities of its own, no processing instructions, bounded in size, depth and elements. Expat
alone does it; nothing is ever fetched.
"""

from __future__ import annotations

from dearly.letter.suggestion import Settings

MOST_BYTES = 64 * 1024
"""The largest known ones, with every language and instruction in them, are below 20 KB."""


def read(data: bytes) -> Settings:
    """What the document says. Raises `Usage` (bad_settings) when it is not one, is too large, or tries more than a
    plain document does."""
    raise NotImplementedError
