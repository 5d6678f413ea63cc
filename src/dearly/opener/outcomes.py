"""What the desk says of a child that is gone, or of a parcel that it would not hand to one: values and errors in words.

A letter that broke its child is a value, because the letter stays; whatever failed for another reason is an error.
"""

from __future__ import annotations

from dataclasses import replace

from dearly.letter.errors import DearlyError, Refused
from dearly.letter.sealing import TEXT_WITHHELD, Binding, Evidence, judge
from dearly.letter.words import _
from dearly.opener.process import Lost
from dearly.opener.protocol import How
from dearly.opener.values import Opened, Trouble, unopened


def withheld(opened: Opened) -> Opened:
    """The same, certainly without any text where the seal forbids it: the child's word is not enough for that."""
    if judge(replace(opened.evidence, binding=Binding.VERIFIED)) in TEXT_WITHHELD:
        return replace(opened, letter=None)
    return opened


def unread(raw: bytes, evidence: Evidence, trouble: Trouble) -> Opened:
    """A parcel of which nothing but this is known."""
    return replace(unopened(raw), evidence=evidence, trouble=trouble)


def _kept() -> str:
    return _("It is kept exactly as it came; you can save it as a file.")


def too_large() -> Trouble:
    """The parcel goes beyond a limit of size or memory."""
    return Trouble("too_large_to_open", _("This letter is too large to be opened here."), _kept())


def too_large_error() -> Refused:
    """The same for what is no letter."""
    trouble = too_large()
    return Refused(trouble.code, _("This is too large to be read here."), trouble.hint)


def trouble_of(how: How) -> Trouble:
    """What a letter did to the child that read it."""
    if how in (How.TIME, How.SILENT):
        return Trouble("too_slow_to_open", _("This letter takes too long to be opened here."), _kept())
    if how is How.MEMORY:
        return too_large()
    return Trouble("opener_crashed", _("Reading this letter ended the process that reads letters."), _kept())


def error_of(lost: Lost) -> DearlyError:
    """For what is not a letter, or was lost for no fault of the letter's."""
    if lost.how in (How.TIME, How.MEMORY, How.CRASHED):
        trouble = trouble_of(lost.how)
        return Refused(trouble.code, _("This is too large, or too odd, to be read here."))
    again = _("Nothing is lost. Try again.")
    if lost.how is How.CONFUSED:
        message = _("The process that reads letters answered with something else than an answer, and was ended.")
        return DearlyError("opener_confused", message, again, retry=True)
    message = _("The process that reads letters was ended before it was done.")
    return DearlyError("opener_ended", message, again, retry=True)
