"""Answers that are given one time alone: a sheet with a secret on it is not asked for again by the way back."""

from __future__ import annotations

from starlette.responses import Response


class Once(Response):
    """A page that is forgotten as soon as it was shown (`pages.answers`)."""

    media_type = "text/html"
