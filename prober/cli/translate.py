"""``prober translate``: a domain to a command line, or to the reasons why not."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from prober.cli import output
from prober.cli.exits import ExitCode
from prober.cli.source import Source
from prober.errors import RefusedError, UnreadableDomainError

#: Nothing near this size (bytes) is a domain.  The reader of the XML has a limit of its own; this one keeps an
#: endless file out of memory.
_READ_AT_MOST = 16 << 20


def run(
    source: Source,
    path: str,
    *,
    as_json: bool,
    monitor: str | None,
    incoming: str | None,
    assume_unknown_present: bool,
    verbose: bool,
) -> ExitCode:
    """Print the command line, or each refusal on stderr.

    :raise UnreadableDomainError: where the file cannot be read, or is no domain XML at all.
    """
    file = "<stdin>" if path == "-" else path
    xml = read_xml_file(path)
    try:
        translation = source.translate(
            xml, monitor=monitor, incoming=incoming, assume_unknown_present=assume_unknown_present
        )
    except RefusedError as error:
        for refusal in error.refusals:
            output.note(f"{file}:{refusal}")
        if as_json:
            output.write_json({"refusals": [_dump(refusal) for refusal in error.refusals]})
        return ExitCode.refused
    except UnreadableDomainError as error:
        place = f"{file}:{error.line}" if error.line else file
        raise UnreadableDomainError(f"{place}: {error.message}", hint=error.hint, line=error.line) from error
    if verbose:
        for line in format_surroundings(translation):
            output.note(line)
    if as_json:
        output.write_json(translation)
    else:
        output.write(format_shell(translation["argv"]))
    return ExitCode.ok


def _dump(refusal: Any) -> Any:
    return refusal.model_dump(mode="json")


def read_xml_file(path: str) -> bytes:
    """The bytes of a file, or of stdin for ``-``.

    :raise UnreadableDomainError: where it cannot be read.
    """
    file = "<stdin>" if path == "-" else path
    try:
        if path == "-":
            return sys.stdin.buffer.read(_READ_AT_MOST)
        with Path(path).open("rb") as stream:
            return stream.read(_READ_AT_MOST)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UnreadableDomainError(f"{file}: cannot be read: {reason}") from error


def format_shell(argv: Iterable[str]) -> str:
    r"""A command for a POSIX shell, one option a line.

    Every word is quoted, so the shell sees exactly this argv, whatever stands in it.  Only the layout guesses that
    a word with a leading dash begins an option.

    >>> print(format_shell(["qemu", "-S", "-name", "my vm"]))
    qemu \
      -S \
      -name 'my vm'
    """
    lines: list[list[str]] = []
    for word in argv:
        if not lines or word.startswith("-"):
            lines.append([])
        lines[-1].append(shlex.quote(word))
    return " \\\n  ".join(" ".join(line) for line in lines)


def format_surroundings(translation: dict[str, Any]) -> Iterator[str]:
    """What stands beside the argv, in lines: what the host must prepare, and who handles hot-plug on each bus."""
    for resource in translation["resources"]:
        key = f" {resource['key']}" if resource["key"] else ""
        yield f"prepare {resource['kind']} {resource['name']}: {resource['todo']} (word {resource['word']}{key})"
    for port in translation["hotplug"]:
        yield f"hot-plug on {port['controller']} ({port['model']}): {port['hotplug']}"
        for rule in port["rules"]:
            yield f"  {rule}"
