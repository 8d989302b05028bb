"""``prober check``: one domain against many QEMUs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from prober.capabilities.bundled import RECORDING_ENDS, as_path, bundled_name, named_recording
from prober.cli import output
from prober.cli.exits import ExitCode, exit_code
from prober.cli.files import read_xml_file, shown_name, with_place
from prober.cli.local import Local, interviewed, recorded
from prober.cli.options import Assume, DomainFile, Json, Prove, Settings
from prober.cli.proof import format_proof
from prober.commandline.refusal import Refusal
from prober.errors import ProberError, RefusedError, UnreadableDomainError, UsageError
from prober.translate.read import read_domain


@dataclass
class _Outcome:
    """What one QEMU says of the domain.  ``error`` is why it could not be asked."""

    label: str
    version: str = "?"
    refusals: Sequence[Refusal] = ()
    error: ProberError | None = None
    proof: dict[str, Any] | None = None

    @property
    def verdict(self) -> str:
        if self.error is not None:
            return "not asked"
        if self.proof is not None and self.proof["verdict"] == "not provable":
            return "unknown"
        return "no" if self.refusals or self.is_refused_by_qemu else "yes"

    @property
    def is_refused_by_qemu(self) -> bool:
        return self.proof is not None and self.proof["verdict"] == "refused"

    @property
    def ground(self) -> str:
        """On what ground: *proven* where the QEMU was started."""
        return "" if self.error is not None else str(self.proof["ground"]) if self.proof is not None else "checked"

    @property
    def code(self) -> ExitCode:
        if self.error is not None:
            return exit_code(self.error)
        return {"no": ExitCode.refused, "unknown": ExitCode.unknown}.get(self.verdict, ExitCode.ok)


@dataclass
class _Group:
    """One refusal, and the QEMUs that it holds for."""

    refusal: Refusal
    outcomes: list[_Outcome] = field(default_factory=list)


def check_command(
    domain: DomainFile,
    more: Annotated[
        list[str] | None, typer.Argument(metavar="[QEMU]...", help="More to check against, as after --against.")
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(
            "--against",
            metavar="QEMU",
            help="A binary, a recording, or a directory of them; `bundled`: those that come along.",
        ),
    ] = None,
    settings: Settings = None,
    prove: Prove = False,
    assume_unknown_present: Assume = False,
    json: Json = False,
) -> None:
    """A table of all, and below it each refusal once, with the versions that give it. The domain stands first.

    Each says on what ground: *checked* against all that it says of itself, or with `--prove` *proven*, for binaries; a
    recording cannot be started.

    Exit code: 0 where all accept; 3 where one refuses; 4 where one could not prove it; 2 the XML or a recording cannot
    be read; 5 where a QEMU could not be asked.

    Example: `prober check vm.xml --against /usr/bin/qemu-system-x86_64 bundled`
    """
    named = [*(against or []), *(more or [])]
    code = run_check(
        domain, named, as_json=json, settings=settings, prove=prove, assume_unknown_present=assume_unknown_present
    )
    raise typer.Exit(code)


def run_check(
    path: str,
    against: Iterable[str],
    *,
    as_json: bool,
    settings: Path | None,
    prove: bool,
    assume_unknown_present: bool,
) -> ExitCode:
    """Print a table of who accepts the domain, and then each refusal once.

    A QEMU that cannot be asked is told of on stderr, and does not keep the others from answering.

    :raise UnreadableDomainError: where the file cannot be read, or is no domain XML at all.
    :raise UsageError: where there is nobody to ask.
    """
    file = shown_name(path)
    xml = read_xml_file(path)
    _look_at(xml, path)
    sources = _sources(against, settings)
    outcomes = [_ask(source, label, xml, assume_unknown_present, prove=prove) for source, label in sources]
    groups = list(_group(outcomes))
    if as_json:
        output.write_json(_as_json(file, outcomes, groups))
    else:
        rows = [(one.version, one.verdict, one.ground, len(one.refusals) or "", one.label) for one in outcomes]
        output.write_table(("QEMU", "accepts", "ground", "refusals", "from"), rows)
        for line in (*_lines(file, groups, len(outcomes)), *_proofs(outcomes)):
            output.write(line)
    return _worst(outcomes)


def _worst(outcomes: Iterable[_Outcome]) -> ExitCode:
    """That of a QEMU that could not be asked before all, then a refusal, then what could not be proven."""
    codes = {one.code for one in outcomes}
    failed = [exit_code(one.error) for one in outcomes if one.error is not None]
    if failed:
        return max(failed)
    return next((code for code in (ExitCode.refused, ExitCode.unknown) if code in codes), ExitCode.ok)


def _proofs(outcomes: Iterable[_Outcome]) -> Iterator[str]:
    """What each QEMU that was started says."""
    for one in outcomes:
        if one.proof is not None:
            yield ""
            yield f"{one.label}:"
            yield from (f"  {line}" for line in format_proof(one.proof))


def _look_at(xml: bytes, path: str) -> None:
    """Before any interview, which would be in vain for what is no XML; what is refused, each QEMU refuses."""
    try:
        read_domain(xml)
    except UnreadableDomainError as error:
        raise with_place(error, path) from error
    except RefusedError:
        pass


def _sources(against: Iterable[str], settings: Path | None) -> list[tuple[Local, str]]:
    """Each QEMU once, in the order they were named; a directory stands for the recordings in it.

    :raise UsageError: where there is none.
    """
    sources: dict[str, Local] = {}
    for name in against:
        given = as_path(name)
        path = named_recording(given)
        if path.is_dir():
            recordings = sorted(
                (one for one in path.iterdir() if one.name.endswith(RECORDING_ENDS)),
                key=lambda one: [
                    (int(bit), "") if bit.isdigit() else (-1, bit) for bit in re.split(r"(\d+)", one.name)
                ],
            )
            if not recordings:
                raise UsageError(f"{name} has no recordings", hint="they are files called *.replies or *.replies.xz")
            sources |= {str(one) if path == given else bundled_name(one): recorded(one, settings) for one in recordings}
        elif path.name.endswith(RECORDING_ENDS) or not os.access(path, os.X_OK):
            sources[name] = recorded(given, settings)
        else:
            sources[name] = interviewed(name, settings)
    if not sources:
        raise UsageError("nobody is named to check against", hint="--against QEMU, RECORDING or DIRECTORY")
    return [(source, label) for label, source in sources.items()]


def _ask(source: Local, label: str, xml: bytes, assume_unknown_present: bool, *, prove: bool) -> _Outcome:
    outcome = _Outcome(label)
    options: dict[str, Any] = {
        "monitor": None,
        "incoming": None,
        "assume_unknown_present": assume_unknown_present,
    }
    try:
        outcome.version = source.version()
        if prove and source.is_binary:
            outcome.proof = source.prove_domain(xml, anyway=False, **options)
        else:
            source.translate(xml, **options)
    except RefusedError as error:
        outcome.refusals = error.refusals
    except ProberError as error:
        output.complain(f"{label}: {error.message}", error.hint)
        outcome.error = error
    return outcome


def _group(outcomes: Iterable[_Outcome]) -> Iterator[_Group]:
    """Refusals that differ in nothing but the version that gives them, as one; in the order of the XML."""
    groups: dict[tuple[object, ...], _Group] = {}
    for outcome in outcomes:
        for refusal in outcome.refusals:
            message = refusal.message.replace(f"QEMU {outcome.version}", "QEMU")
            said = refusal.model_copy(update={"message": message})
            key = (said.place, said.message, said.hint)
            groups.setdefault(key, _Group(said)).outcomes.append(outcome)
    yield from sorted(groups.values(), key=lambda group: group.refusal.place.line)


def _lines(file: str, groups: Iterable[_Group], asked: int) -> Iterator[str]:
    for group in groups:
        held = len(group.outcomes)
        who = "all" if held == asked > 1 else ", ".join(one.version for one in group.outcomes)
        yield ""
        yield f"{file}:{group.refusal}"
        yield f"  by {who}"


def _as_json(file: str, outcomes: Iterable[_Outcome], groups: Iterable[_Group]) -> dict[str, Any]:
    return {
        "domain": file,
        "against": [
            {
                "from": one.label,
                "version": None if one.version == "?" else one.version,
                "accepts": {"yes": True, "no": False}.get(one.verdict),
                "ground": one.ground or None,
                "proof": one.proof,
                "refusals": len(one.refusals),
                "error": one.error.message if one.error else None,
            }
            for one in outcomes
        ],
        "refusals": [
            # The evidence is each binary's own: `prober translate --json` shows it.
            {
                **group.refusal.model_dump(mode="json", exclude={"evidence"}),
                "by": [{"from": one.label, "version": one.version} for one in group.outcomes],
            }
            for group in groups
        ],
    }
