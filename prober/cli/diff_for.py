"""The part of a difference between two QEMUs that a domain uses, and what both make of the domain."""

from __future__ import annotations

from collections.abc import Iterator

from prober.capabilities.diff import diff
from prober.cli import output
from prober.cli.answerer import Answerer
from prober.cli.config_files import expand_xml
from prober.cli.difference import header_lines, write_difference
from prober.cli.exits import ExitCode
from prober.cli.files import read_xml_file, shown_name, with_place
from prober.cli.knowledge import capabilities_of
from prober.commandline.shell import argv_changes
from prober.domain.domain import Domain
from prober.errors import RefusedError, UnreadableDomainError
from prober.translate.read import read_domain
from prober.translate.uses import DomainDifference, DomainSide, compare_for, keep_used


def run_for(a: Answerer, b: Answerer, path: str, summary: bool, *, as_json: bool) -> ExitCode:
    """Print the part of the difference that a domain uses.

    :raise UnreadableDomainError: where the file cannot be read, or is no domain XML at all.
    """
    domain = _read_domain(path)
    if domain is None:
        return ExitCode.refused
    one, other = capabilities_of(a), capabilities_of(b)
    binary = domain.emulator or f"/usr/bin/qemu-system-{other.target}"
    uses, sides = compare_for(domain, one, other, binary)
    difference = keep_used(diff(one, other), uses)
    lines = list(argv_changes(sides.a.argv, sides.b.argv))
    if as_json:
        output.write_json(
            {**difference.model_dump(mode="json"), "domain": {**sides.model_dump(mode="json"), "argv_changes": lines}}
        )
    else:
        told = [*header_lines(a, b, difference), *_domain_lines(sides, shown_name(path), lines), ""]
        write_difference(told, difference, summary)
    return ExitCode.ok if sides.b.accepted else ExitCode.refused


def _read_domain(path: str) -> Domain | None:
    xml = expand_xml(read_xml_file(path))
    try:
        return read_domain(xml)
    except RefusedError as error:
        for refusal in error.refusals:
            output.note(f"{shown_name(path)}:{refusal}")
        return None
    except UnreadableDomainError as error:
        raise with_place(error, path) from error


def _domain_lines(sides: DomainDifference, file: str, argv: list[str]) -> Iterator[str]:
    yield from _verdict("A", sides.a, file)
    yield from _verdict("B", sides.b, file)
    if argv:
        yield "the command line differs" + (":" if sides.a.accepted and sides.b.accepted else ", were it not refused:")
        yield from (f"  {line}" for line in argv)
    else:
        yield "the command line is the same"


def _verdict(name: str, side: DomainSide, file: str) -> Iterator[str]:
    yield f"{name} {'accepts' if side.accepted else 'refuses'} {file}" + ("" if side.accepted else ":")
    yield from (f"  {file}:{refusal}" for refusal in side.refusals)
