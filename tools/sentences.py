"""Write prober/why/book/said.json: which QEMUs have the known sentences in their programs.

``python -m tools.sentences`` does so where the other QEMUs are laid out (``make roots``).

A sentence is looked for as the C compiler leaves it, with formats in the place of its holes, in the program and its
modules.  That a program has a sentence says that it can say it, not when.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from prober.why.book import PLACE, load_book
from prober.why.meaning import Meaning, Speaker
from prober.why.template import Template
from tools.fixtures import PLACE as RECORDINGS
from tools.roots import BINARY, SUITES, find_root

#: A format of C's printf, and what stands in the place of a hole: such a format, or a word of one of many sentences.
_FORMAT = r"(?:0x)?%[-+ #0-9.*]*(?:hh|h|ll|l|z|j)?[a-zA-Z]"
_HOLE = rf"(?:{_FORMAT}|[\w.-]{{1,30}})"
_MODULES = ("usr/lib/x86_64-linux-gnu/qemu", "usr/lib/qemu")
#: What the system says of an error stands behind a sentence in one text, and not in the program.
_OF_SYSTEM = re.compile(r": [A-Z][a-z]+(?: [a-z/]+)+$")


def find_said(programs: Mapping[str, str]) -> dict[str, list[str]]:
    """The versions that have a sentence of each meaning of QEMU's, by the meaning's name.

    ``programs`` has the texts of each version's program.
    """
    found = {}
    for meaning in load_book().meanings:
        if meaning.speaker is Speaker.qemu:
            patterns = [re.compile(pattern) for pattern in _patterns(meaning)]
            versions = [
                version for version, texts in programs.items() if any(pattern.search(texts) for pattern in patterns)
            ]
            if versions:
                found[meaning.name] = versions
    return found


def _patterns(meaning: Meaning) -> Iterator[str]:
    if meaning.text is not None:
        for text in meaning.text:
            yield _HOLE.join(map(re.escape, re.split(_FORMAT, text)))
        return
    for says in meaning.says:
        template = Template(says.text)
        parts = list(template.literals)
        if not says.text.endswith("}"):
            parts[-1] = _OF_SYSTEM.sub("", parts[-1])
        yield _HOLE.join(map(re.escape, parts))


def read_texts(root: Path) -> str:
    """The texts in the program and the modules of the QEMU below a root directory, a line each."""
    program = root / BINARY.lstrip("/")
    modules = [path for place in _MODULES for path in (root / place).glob("*.so")]
    found = [re.findall(rb"[\x09\x0a\x20-\x7e]{6,}", path.read_bytes()) for path in [program, *sorted(modules)]]
    return "\n".join(text.decode() for texts in found for text in texts)


def find_programs() -> dict[str, str]:
    """The texts of each version that there is a recording of, where its root (or this host) has it."""
    found = {}
    roots = {**{version: find_root(version) for version in SUITES}, "7.2": find_root("7.2") or Path("/")}
    for recording in RECORDINGS.glob("qemu-*.replies.xz"):
        version = recording.name.removeprefix("qemu-").removesuffix(".replies.xz")
        root = roots.get(version.rpartition(".")[0])
        if root is not None and (root / BINARY.lstrip("/")).exists():
            found[version] = read_texts(root)
    return dict(sorted(found.items(), key=lambda item: [int(number) for number in item[0].split(".")]))


def main() -> None:
    """Write the file, and tell which sentences no program has."""
    programs = find_programs()
    said = find_said(programs)
    lines = [f"{json.dumps(name)}: {json.dumps(versions)}" for name, versions in sorted(said.items())]
    (PLACE / "said.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    names = {meaning.name for meaning in load_book().meanings if meaning.speaker is Speaker.qemu}
    print(f"{', '.join(programs)}: {len(said)} of {len(names)}; not found: {', '.join(sorted(names - said.keys()))}")


if __name__ == "__main__":
    main()
