"""The commands by name: where each is defined, and its one line in the list. Imports nothing: the list is cheap.

`later` marks a sentence that is translated when it is shown, not when it is read by Python.
"""

from __future__ import annotations


def later(sentence: str) -> str:
    """The sentence itself; marked for the catalogue of translations."""
    return sentence


SECTIONS: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...] = (
    (
        later("Beginning"),
        (
            ("setup", "setup", later("Make your drawer, and say who you are.")),
            ("address", "setup", later("Your own addresses, and the card that you give to others.")),
            ("account", "account", later("Your e-mail addresses: by which servers letters come and go.")),
            ("people", "people", later("The address book.")),
        ),
    ),
    (
        later("Writing"),
        (
            ("write", "write", later("Begin a letter.")),
            ("drafts", "write", later("The letters that you have begun.")),
            ("edit", "write", later("Change the text, the subject or the names of a draft.")),
            ("enclose", "write", later("Put files into a letter.")),
            ("read-over", "write", later("See a draft as its reader will see it.")),
            ("put-away", "write", later("Put a draft into the drawer, until a day or for good.")),
            ("drop", "write", later("Throw a draft away, or give up a letter that does not get on.")),
            ("versions", "write", later("Earlier states of a draft.")),
        ),
    ),
    (
        later("Posting"),
        (
            ("post", "post", later("Seal a letter and post it.")),
            ("take-back", "post", later("Take a letter back before it is collected.")),
            ("outbox", "post", later("Posted letters, and where each of them is.")),
            ("round", "round", later("Collect the outbox and look into the letterbox, now.")),
            ("hand", "hand", later("Letters as files, carried by hand.")),
        ),
    ),
    (
        later("What comes"),
        (
            ("letterbox", "letterbox", later("What has come.")),
            ("open", "letterbox", later("Open an envelope from the letterbox.")),
            ("door", "door", later("Who stands at the door: let in, refuse, or leave.")),
            ("show", "letterbox", later("Read a letter again, yours or theirs.")),
            ("answer", "letterbox", later("Begin an answer to a letter.")),
            ("correspondence", "letterbox", later("All letters with someone, both ways.")),
            ("keys", "keys", later("The keys by which someone's letters are known.")),
        ),
    ),
    (
        later("All the letters"),
        (
            ("search", "search", later("Find letters by what stands in them.")),
            ("ledger", "ledger", later("Who wrote last, and what is open on either side.")),
            ("import", "importing", later("Take in letters from another program, or from paper.")),
            ("export", "exporting", later("Copy all letters into a folder, to be read without Dearly.")),
            ("erase", "erase", later("Erase a letter for good.")),
        ),
    ),
    (
        later("Keeping"),
        (
            ("unlock", "lock", later("Open the drawer and leave it open.")),
            ("lock", "lock", later("Close the drawer.")),
            ("lock-change", "lock", later("Change the passphrase.")),
            ("kit", "keep", later("Write the recovery kit, to be printed.")),
            ("restore-with-kit", "keep", later("Open a drawer with its recovery kit, and give it a new passphrase.")),
            ("backup", "keep", later("Copy the whole drawer into one file.")),
            ("restore", "keep", later("Make a drawer again from a backup.")),
            ("check", "keep", later("Look whether everything in the drawer is whole.")),
        ),
    ),
    (
        later("Running things"),
        (
            ("office", "office", later("A post office for a household or a club.")),
            ("completion", "completion", later("Completion of commands by the shell.")),
        ),
    ),
)
"""Heading, then name, module of `dearly.cli.commands`, and the line in the list."""

HERE = frozenset({"restore", "restore-with-kit", "office", "completion"})
"""Commands that never need the process that holds the drawer open."""

OWNED = frozenset(name for _, rows in SECTIONS for name, _, _ in rows) - HERE
"""Commands that run in the process that holds the drawer open, if there is one."""
