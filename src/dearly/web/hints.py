"""What next, as the desk says it: many errors name a command there, which helps nobody in front of a page.

An error whose hint names no command is shown with its own words. For the others there is a sentence here, by the
error's code; where none is written, nothing is said rather than something that cannot be done.
"""

from __future__ import annotations

import re

from dearly.letter.errors import DearlyError
from dearly.letter.words import _

_COMMAND = re.compile(r"[“„«\"(]dearly |(?<![\w-])--[a-z]")

_ASIDE = re.compile(r"\s\((?:dearly |--[a-z])[^()]*\)")


def names_command(sentence: str) -> bool:
    """Whether a sentence, in any language, speaks of the command line."""
    return _COMMAND.search(sentence) is not None


def without_commands(words: str) -> str:
    """The words without what they say of the command line in brackets."""
    return _ASIDE.sub("", words)


def hint(error: DearlyError) -> str:
    """What to do next, where one sits before a page; "" where there is nothing to say."""
    return table().get(error.code, "") if names_command(error.hint) else error.hint


def table() -> dict[str, str]:
    """By the code of the error: what stands in the place of a hint that names a command."""
    look_through = _("“Look through everything” in the settings names what is damaged; a copy has it whole.")
    return {
        "already_collected": _("Those who do not have it can go without it: try no further for them."),
        "already_posted": _("As long as it has not left it can be taken back, at its place among what you posted."),
        "at_door": _("Let it in, refuse it, or leave it there."),
        "cannot_send": _("Its settings have room for a server for letters that go."),
        "insecure_account": _("Choose TLS, or STARTTLS where the provider has nothing else."),
        "meddled_line": _("Nothing was said to it. Try another network, or TLS from the first word."),
        "no_encryption": _("Nothing was said to it. Choose TLS from the first word, or ask the provider."),
        "no_such_key": _("The page of the letter shows the keys that it brings."),
        "answer_must_be_sealed": _("Post it sealed, or write a letter that is not an answer."),
        "drawer_damaged": look_through,
        "drawer_exists": _("Unlock it."),
        "empty_name": _("Give a name."),
        "impossible_step": _("The place of the letter says where it is, and what can be done."),
        "no_address": _("Write one into the address book, or take in their card."),
        "no_arrival": _("The letterbox shows what came."),
        "no_draft": _("What you have begun lies on the desk or in the drawer."),
        "no_drawer": _("Put it back where it was, or begin anew with a copy of it."),
        "no_enclosure": _("The letter names what is enclosed with it."),
        "no_key": _("Ask them for their card. What anyone may read can go as a postcard."),
        "no_letter": _("What came and what you wrote stands among the letters."),
        "no_own_address": _("Add a way in the settings."),
        "no_own_key": _("Add a way in the settings: with the address comes the key."),
        "no_version": _("The page shows the earlier states that there are."),
        "no_way": _("Add a way in the settings, or let the letter go by hand."),
        "which_of_file": _("Take a file with the one that you mean."),
        "whose_letter": _("Say below who the other one is, and which of you wrote."),
        "when_written": _("Say below when; a year is enough."),
        "is_a_backup": _("Make a desk of it at another place first, and take in that drawer."),
        "key_locked": _("Give its passphrase as well."),
        "no_secret_keys_there": _("Tick one of these two, or leave the secret keys here."),
        "not_a_bundle": _("Take another copy of the file."),
        "unknown_account": _("The settings show the accounts that there are."),
        "server_moved": _("If you trust that server, give its address where this one stands."),
        "sign_in_refused": _("Give the password once more. Many providers want one made for a single program."),
        "sign_in_again": _("The settings lead there: your e-mail address, under “Your ways”."),
        "bad_oauth_client": _("Your provider gives one out where it says how other programs sign in."),
        "no_server": _("Name one for letters that come, one for letters that go, or both."),
        "not_by_hand": _("The place of the letter says how it goes, and when it leaves."),
        "not_theirs": _("Begin a new page for another letter."),
        "object_damaged": look_through,
        "office_takes_sealed_only": _("Post it sealed, or let it go by hand."),
        "same_address": _("Name another address of theirs."),
        "sealed_to_another_key": _("Carry it as a file, or write it anew."),
        "sender_unclear": _("Begin a new page, to the person you believe it is from."),
        "text_damaged": look_through,
        "still_travelling": _("Take it back at its place among what you posted, or wait until it has left."),
        "too_large": _("At the command line: dearly backup FILE --verify"),
        "unknown_address": _("Their entry in the address book has the addresses."),
        "unknown_key": _("Their entry in the address book has the keys that are known."),
        "unknown_person": _("The address book shows everybody, and has room for somebody new."),
    }
