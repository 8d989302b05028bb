"""XML in, argv or refusals out, as files: ``NAME.xml`` beside ``NAME.BINARY.argv`` or ``NAME.BINARY.refused``.

``BINARY`` is a recording in ``fixtures/replies`` (``qemu-7.2.22``, ``qemu-aarch64-7.2.22``), or one as if the binary
had not been asked which displays and audio drivers it lists, and which block drivers it can load
(``qemu-10.0.13-unlisted``): of those recorded none has them all.  ``qemu-10.0.13-on-Haswell`` is that binary on this
host, which has the CPU of that model, and ``…-on-arm`` one on a host of ARM.  An ``.argv`` file has one option a line,
and after an empty line what the guest sees of hot-plug, what the host must prepare, and notes.  A ``.refused`` file has
one refusal a line.  A file that belongs to no case fails.

``PROBER_REWRITE_CASES=1`` writes the files anew, from an ``.argv`` to a ``.refused`` where the outcome
changed.  A new case begins with its XML and an empty file for each binary; none is made by itself, so that
a misspelt name cannot pass.
"""

from __future__ import annotations

import os
import shlex
from functools import cache
from pathlib import Path

import pytest

from prober.capabilities.capabilities import Capabilities
from prober.errors import RefusedError, UnreadableDomainError
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from prober.translate.translation import Translation
from tests.hosts import on_arm, on_host
from tests.recordings import FIXTURES, load_capabilities, without_lists

HERE = Path(__file__).parent
REWRITE = os.environ.get("PROBER_REWRITE_CASES") == "1"
OUTCOMES = ("argv", "refused")
UNLISTED = "-unlisted"
HERE_ON = "-on-"


def expectations() -> list[Path]:
    """Every file that says what a case comes to."""
    return [path for outcome in OUTCOMES for path in sorted(HERE.glob(f"*.{outcome}"))]


def case_of(path: Path) -> tuple[str, str]:
    """The case's name and the binary: the name has no dot, the binary's version has."""
    name, _, binary = path.stem.partition(".")
    return name, binary


@cache
def capabilities(binary: str) -> Capabilities:
    """What the recorded binary can do."""
    recording, _, model = binary.removesuffix(UNLISTED).partition(HERE_ON)
    caps = load_capabilities(FIXTURES / f"{recording}.replies.xz")
    if model:
        caps = on_arm(caps) if model == "arm" else on_host(caps, model)
    return without_lists(caps) if binary.endswith(UNLISTED) else caps


def show(translation: Translation) -> str:
    """The text of an ``.argv`` file."""
    lines = [shlex.quote(translation.binary)]
    for word in translation.argv[1:]:
        if word.startswith("-"):
            lines.append(shlex.quote(word))
        else:
            lines[-1] += f" {shlex.quote(word)}"
    notes = [
        f"# {port.controller} ({port.model}): {port.hotplug}: {'; '.join(port.rules)}" for port in translation.hotplug
    ]
    notes += [f"# {item.kind} {item.name}: {item.todo}" for item in translation.resources]
    notes += [f"# {note}" for note in translation.notes]
    return "\n".join([*lines, "", *notes]) + "\n"


def path_of(caps: Capabilities) -> str:
    """Where Debian has the QEMU of a recording."""
    return f"/usr/bin/qemu-system-{caps.target}"


def outcome_of(name: str, binary: str) -> tuple[str, str]:
    """``argv`` or ``refused``, and the text."""
    try:
        domain = read_domain((HERE / f"{name}.xml").read_bytes())
        caps = capabilities(binary)
        return "argv", show(translate(domain, caps, binary=path_of(caps), is_here=HERE_ON in binary))
    except RefusedError as error:
        return "refused", "".join(f"{refusal}\n" for refusal in error.refusals)
    except UnreadableDomainError as error:
        return "refused", f"{error.line}: {error}\n"


@pytest.mark.parametrize("path", expectations(), ids=lambda path: path.name)
def test_case(path: Path) -> None:
    name, binary = case_of(path)
    outcome, text = outcome_of(name, binary)
    if REWRITE:
        path.unlink()
        path.with_suffix(f".{outcome}").write_text(text)
        return
    assert f".{outcome}" == path.suffix, text
    assert text == path.read_text()


def test_every_file_belongs_to_a_case() -> None:
    names = {path.stem for path in HERE.glob("*.xml")}
    expected = {case_of(path)[0] for path in expectations()}
    assert names == expected, "cases without expectation, or expectations without case"
    others = {path.name for path in HERE.iterdir() if path.suffix not in (".xml", ".argv", ".refused")}
    assert others <= {"__init__.py", "test_cases.py", "__pycache__"}


def test_every_recording_is_used() -> None:
    assert {case_of(path)[1].removesuffix(UNLISTED).partition(HERE_ON)[0] for path in expectations()} == {
        path.name.removesuffix(".replies.xz") for path in FIXTURES.glob("*.replies.xz")
    }
