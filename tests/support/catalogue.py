"""The catalogue of sentences: found in the source and in the templates, translated in .po files, compiled to .mo.

    DEARLY_UPDATE=1 pytest tests/docs/test_catalogue.py

finds the sentences again, keeps the translations that there are, and compiles. What is new stands in the .po with an
empty msgstr, to be filled by a person.
"""

from __future__ import annotations

import ast
import inspect
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, nodes

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "dearly"
LOCALE = SOURCE / "locale"

_HEADER = (
    "Project-Id-Version: dearly\n"
    "Language: {language}\n"
    "MIME-Version: 1.0\n"
    "Content-Type: text/plain; charset=UTF-8\n"
    "Content-Transfer-Encoding: 8bit\n"
    "Plural-Forms: nplurals=2; plural=(n != 1);\n"
)


@dataclass(frozen=True, order=True)
class Sentence:
    """One thing to translate; `many` where it is counted."""

    one: str
    many: str = ""


Catalogue = dict[Sentence, tuple[str, ...]]
"""Each sentence and its translation: one text, or two where it is counted; empty where there is none yet."""


@cache
def sentences() -> dict[Sentence, list[str]]:
    """Every sentence of the program, and the modules and templates it stands in, in their order."""
    found: dict[Sentence, list[str]] = {}
    for file in sorted([*SOURCE.rglob("*.py"), *SOURCE.rglob("templates/**/*.html")]):
        where = file.relative_to(SOURCE).as_posix()
        text = file.read_text(encoding="utf-8")
        for sentence in _in_module(text) if file.suffix == ".py" else in_template(text):
            if where not in found.setdefault(sentence, []):
                found[sentence].append(where)
    return found


def _in_module(text: str) -> Iterator[Sentence]:
    for node in ast.walk(ast.parse(text)):
        sentence = _sentence(node)
        if sentence is not None:
            yield sentence


def in_template(text: str) -> Iterator[Sentence]:
    """Every sentence of a Jinja template. Raises ValueError for one put together there, which no catalogue can hold."""
    for call in Environment(autoescape=True).parse(text).find_all(nodes.Call):
        if not isinstance(call.node, nodes.Name) or call.node.name not in ("_", "ngettext"):
            continue
        wanted = call.args[: 1 if call.node.name == "_" else 2]
        texts = [arg.value for arg in wanted if isinstance(arg, nodes.Const) and isinstance(arg.value, str)]
        if len(texts) != len(wanted):
            raise ValueError(f"line {call.lineno}: a sentence must stand there as it is")
        yield Sentence(*texts)


def _sentence(node: ast.AST) -> Sentence | None:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return None
    texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    match node.func.id:
        case "_" | "later" if len(texts) == 1:
            return Sentence(inspect.cleandoc(texts[0])) if node.func.id == "later" else Sentence(texts[0])
        case "ngettext" if len(texts) == 2:
            return Sentence(*texts)
    return None


def render(catalogue: Catalogue, language: str, places: dict[Sentence, list[str]]) -> str:
    """The catalogue as a .po file, or as a .pot where `language` is empty."""
    blocks = [f'msgid ""\nmsgstr ""\n{_quoted(_HEADER.format(language=language))}']
    for sentence, texts in catalogue.items():
        lines = [f"#: {place}" for place in places[sentence]]
        lines.append(f"msgid {_field(sentence.one)}")
        if sentence.many:
            lines.append(f"msgid_plural {_field(sentence.many)}")
            lines += [f"msgstr[{n}] {_field(text)}" for n, text in enumerate(texts or ("", ""))]
        else:
            lines.append(f"msgstr {_field(texts[0] if texts else '')}")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def _field(text: str) -> str:
    return f'""\n{_quoted(text)}' if "\n" in text else _quoted(text)


def _quoted(text: str) -> str:
    pieces = text.splitlines(keepends=True) or [""]
    return "\n".join('"' + p.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"' for p in pieces)


@cache
def read(text: str) -> Catalogue:
    """The catalogue in a .po file, without its header."""
    found: Catalogue = {}
    for block in re.split(r"\n{2,}", text.strip()):
        fields: dict[str, str] = {}
        name = ""
        for line in block.splitlines():
            if line.startswith("#"):
                continue
            key, quoted = re.fullmatch(r'(\w+(?:\[\d\])?)? ?(".*")', line).groups()
            name = key or name
            fields[name] = fields.get(name, "") + ast.literal_eval(quoted)
        if fields.get("msgid"):
            texts = tuple(t for key, t in sorted(fields.items()) if key.startswith("msgstr"))
            found[Sentence(fields["msgid"], fields.get("msgid_plural", ""))] = texts if all(texts) else ()
    return found


def compiled(catalogue: Catalogue, language: str) -> bytes:
    """The catalogue as a .mo file (GNU gettext manual, 10.3): sorted, without a hash table, little-endian."""
    entries = {"": _HEADER.format(language=language)}
    for sentence, texts in catalogue.items():
        if texts:
            key = f"{sentence.one}\0{sentence.many}" if sentence.many else sentence.one
            entries[key] = "\0".join(texts)
    pairs = sorted((key.encode(), text.encode()) for key, text in entries.items())
    start = 28 + 16 * len(pairs)
    columns: list[bytes] = []
    body = b""
    for column in (0, 1):
        table = b""
        for pair in pairs:
            table += struct.pack("<II", len(pair[column]), start + len(body))
            body += pair[column] + b"\0"
        columns.append(table)
    head = struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, start)
    return head + columns[0] + columns[1] + body
