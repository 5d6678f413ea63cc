"""What a person gives to a command: secrets, the text of a letter, files to enclose, days.

Secrets come from a file, standard input or a prompt without echo, never from an argument: arguments are visible to
every user of the machine.
"""

from __future__ import annotations

import errno
import re
import stat
from collections.abc import Sequence
from datetime import date
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from dearly.cli.errand import TRIES, Stopped
from dearly.letter.address import clean
from dearly.letter.content import MOST_ENCLOSED, Enclosure
from dearly.letter.errors import DearlyError, Locked, NoSpace, NotFound, Refused, Usage
from dearly.letter.words import _

if TYPE_CHECKING:
    from dearly.cli.errand import Errand

SHORT = 12
"""Characters below which a new passphrase gets a gentle word."""

MOST_SECRET = 64 << 10
MOST_CARD = 384 << 10
MOST_TEXT = 60_000_000
"""Bytes of the text of one letter. A thick novel is a million."""

_OPEN_TO_OTHERS = 0o077


def passphrase(errand: Errand, why: str = "") -> str:
    """The passphrase of the drawer. `why` it is asked for stands before the prompt.

    Raises `Locked` (passphrase_wanted) where nobody can be asked."""
    if errand.passphrase_file is not None:
        return secret_from(errand, errand.passphrase_file, _("the passphrase"))
    given = errand.terminal.ask_secret(why + _("Passphrase: "))
    if given is None:
        raise Locked(
            "passphrase_wanted",
            _("The drawer is locked, and there is no terminal at which to ask for its passphrase."),
            _("Name a file that only you can read with --passphrase-file, or “-” for standard input."),
        )
    if not given:
        raise Usage("empty_passphrase", _("Nothing was typed."), _("Type the passphrase of this drawer."))
    return given


def new_passphrase(errand: Errand, source: str | None) -> str:
    """A passphrase that is to be set: from `source`, or typed twice. Raises `Usage`."""
    if source is not None:
        return secret_from(errand, source, _("the passphrase"))
    errand.aside(_("A good passphrase is four or more unrelated words that you can remember; length is what counts."))
    for left in range(TRIES - 1, -1, -1):
        try:
            return _twice(errand)
        except Usage as wrong:
            if wrong.code not in ("not_the_same", "empty_passphrase") or not left:
                raise
            errand.aside(wrong.message)
    raise AssertionError("unreachable")


def _twice(errand: Errand) -> str:
    first = errand.terminal.ask_secret(_("New passphrase: "))
    if first is None:
        raise Usage(
            "passphrase_wanted",
            _("A new passphrase is needed, and there is no terminal at which to ask for it."),
            _("Name a file that only you can read, or “-” for standard input."),
        )
    _not_empty(first)
    if errand.terminal.ask_secret(_("The same again: ")) != first:
        raise Usage("not_the_same", _("The two were not the same."), _("Nothing has been changed. Begin again."))
    if len(first) < SHORT:
        errand.aside(
            _("That will do, but it is short: whoever gets hold of the drawer might guess it.")
            + " "
            + _("“dearly lock-change” sets a longer one whenever you like.")
        )
    return first


def secret_from(errand: Errand, source: str, what: str, most: int = MOST_SECRET) -> str:
    """The secret in a file that nobody else can read, or on standard input ("-"). One line end at its end is cut."""
    data, mode = read(errand, source, most, what)
    if mode is not None and mode & _OPEN_TO_OTHERS:
        raise Refused(
            "file_readable_by_others",
            _("“{file}” can be read by other users of this machine, so it cannot hold a secret.").format(
                file=shown(source)
            ),
            _("Run “chmod 600” on it, and think about who may have read it already."),
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Usage(
            "not_utf8",
            _("{what} is not written in UTF-8.").format(what=_first_upper(what)),
            _("Write it into a text file, and save that as UTF-8."),
        ) from None
    return _not_empty(re.sub(r"\r?\n\Z", "", text))


def _not_empty(secret: str) -> str:
    if not secret:
        raise Usage("empty_passphrase", _("An empty passphrase protects nothing."), _("Give one of several words."))
    return secret


def letter_text(errand: Errand, source: str | None) -> str:
    """The text of a letter, from a file or standard input (None and "-"). A byte order mark at its head is no part."""
    source = source or "-"
    what = _("the text of the letter")
    if source == "-" and errand.terminal.in_tty:
        errand.aside(_("Write your letter. End it with Ctrl-D on a line of its own."))
    data, _mode = read(errand, source, MOST_TEXT, what, keep=True)
    if source == "-" and errand.terminal.stopped:
        errand.aside("\n" + _("Stopped. What you have typed is kept as a draft."))
        # The end of the line may have been cut inside a character.
        data = data.decode("utf-8", "ignore").encode()
    data = data.removeprefix(b"\xef\xbb\xbf")
    zero = data.find(b"\0")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as trouble:
        raise Usage(
            "not_utf8",
            _("The text of the letter is not written in UTF-8: byte {position} is not part of any character.").format(
                position=trouble.start + 1
            ),
            _("Save it as UTF-8 text, or enclose it as a file."),
        ) from None
    if zero >= 0:
        raise Usage(
            "not_text",
            _("This is not the text of a letter: byte {position} is zero.").format(position=zero + 1),
            _("If it is a picture or a document, enclose it as a file."),
        )
    return text.replace("\r\n", "\n")


def enclosures(errand: Errand, files: Sequence[str]) -> tuple[Enclosure, ...]:
    """The files to enclose, read. Raises `Refused` (too_large) before more is read than a letter can carry."""
    if not files:
        return ()
    from mimetypes import MimeTypes

    # The table of the language alone: the machine's own would make letters differ from place to place.
    types = MimeTypes(filenames=())
    room = MOST_ENCLOSED
    found = []
    for file in files:
        data, _mode = read(errand, file, room, shown(file))
        room -= len(data)
        name = "standard input" if file == "-" else shown(PurePath(file).name)
        guessed, encoding = types.guess_type(name)
        found.append(Enclosure(name, guessed if guessed and not encoding else "application/octet-stream", data))
    return tuple(found)


def read(errand: Errand, source: str, most: int, what: str, *, keep: bool = False) -> tuple[bytes, int | None]:
    """At most `most` bytes of a file or of standard input, and the mode of a regular file.

    `what` names it in sentences. `keep`: what was typed before Ctrl-C is of use (unless it is nothing). Raises
    `NotFound`, `Usage` (unreadable), `Refused` (too_large) or `Stopped`."""
    if source == "-":
        errand.take_input(what)
    try:
        data, mode = errand.terminal.read(source, most)
    except OSError as trouble:
        raise file_trouble(trouble, source) from None
    if source == "-" and errand.terminal.stopped and not (keep and data.strip()):
        raise Stopped
    if len(data) > most:
        raise Refused(
            "too_large",
            _("{what} is larger than {most} MB.").format(what=_first_upper(what), most=max(1, most // 1_000_000)),
            _("Take less, or send it in several letters."),
        )
    return data, mode


def there(errand: Errand, file: str, code: str = "no_such_file") -> Path:
    """The file that the person named, found before anything else is asked. Raises `NotFound`, and as `read` does."""
    path = errand.path(file)
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, "")
    except OSError as trouble:
        found = file_trouble(trouble, file)
        raise NotFound(code, found.message, found.hint) if isinstance(found, NotFound) else found from None
    return path


def free(errand: Errand, file: str) -> Path:
    """A file that is to be made, found not to be there yet. Raises `Refused` (file_exists), `NotFound`
    (no_such_folder)."""
    from dearly.desk import saving

    path = saving.into(errand.path(file))
    if path.exists():
        raise Refused("file_exists", _("“{name}” exists already.").format(name=shown(file)), _("Choose another name."))
    return path


def make_folder(errand: Errand, named: str) -> Path:
    """The folder that the person named, made for them alone where there is none. Raises as `read` does."""
    folder = errand.path(named)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as trouble:
        raise file_trouble(trouble, named) from None
    return folder


def file_trouble(trouble: OSError, file: str) -> DearlyError:
    """The words for a file that cannot be read or written."""
    name = shown(file)
    match trouble.errno:
        case errno.ENOENT | errno.ENOTDIR:
            return NotFound(
                "no_such_file", _("There is no file “{file}”.").format(file=name), _("Check the name, and the folder.")
            )
        case errno.EEXIST:
            return Usage("not_a_folder", _("“{file}” is not a folder.").format(file=name), _("Name another."))
        case errno.EISDIR:
            return Usage(
                "is_a_folder", _("“{file}” is a folder.").format(file=name), _("Name the files in it one by one.")
            )
        case errno.EACCES | errno.EPERM:
            return Usage(
                "not_allowed",
                _("You are not allowed to open “{file}”.").format(file=name),
                _("Give yourself leave to read it, or name another."),
            )
        case errno.ENOSPC | errno.EDQUOT | errno.EROFS:
            return NoSpace(
                "no_space",
                _("“{file}” cannot be written: the disk is full or read-only.").format(file=name),
                _("Make room there, or name another place."),
            )
    return Usage(
        "unreadable",
        _("“{file}” cannot be used: {why}.").format(file=name, why=trouble.strerror or "?"),
        _("Name another file."),
    )


def day(text: str | None) -> date | None:
    """The day that `text` names, as 2027-01-31. Raises `Usage` (bad_date)."""
    if text is None:
        return None
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    raise Usage(
        "bad_date",
        _("“{text}” is not a day.").format(text=clean(text)[:40]),
        _("Write it as year, month and day: 2027-01-31."),
    )


def agree(errand: Errand, said: str, question: str) -> None:
    """Say what is going to be done, and ask: nothing goes on before somebody has typed yes. `question` ends in a mark.

    Raises `Usage` (not_agreed) where the answer is another one, or nobody can be asked."""
    if said:
        errand.aside(said)
    answer = errand.terminal.ask(question + " " + _("Type “yes”: "))
    if answer is None:
        raise Usage(
            "not_agreed", _("Nothing is done before you have agreed to it."), _("Give --yes to agree beforehand.")
        )
    if not is_yes(answer):
        raise Usage("not_agreed", _("Nothing was done."))


def is_yes(answer: str | None) -> bool:
    """Whether that is a yes, in English or in the person's language."""
    return (answer or "").strip().casefold() in {"yes", "y", _("yes").casefold()}


def shown(file: str) -> str:
    """A file's name as it can be shown in one line: bytes that are no UTF-8 are replaced, controls are left out."""
    return clean(file.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))


def _first_upper(text: str) -> str:
    return text[:1].upper() + text[1:]
