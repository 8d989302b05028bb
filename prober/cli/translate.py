"""``prober translate``: a domain to a command line, or to the reasons why not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple

import typer

from prober.cli import output
from prober.cli.answerer import Answerer
from prober.cli.choosing import choose
from prober.cli.config_files import expand_xml
from prober.cli.exits import ExitCode
from prober.cli.files import read_xml_file, shown_name, with_place
from prober.cli.options import (
    Assume,
    Binary,
    DomainFile,
    FewWords,
    Format,
    IgnoreUnknown,
    MakeUp,
    Prove,
    Replies,
    Seed,
    Settings,
    Socket,
    StartsAt,
    Strict,
    Whole,
)
from prober.commandline.shell import format_shell
from prober.errors import RefusedError, UnreadableDomainError
from prober.translate.wishes import NO_WISHES, Wishes, read_moment

#: What is said of a command line that was not started.
_CHECKED = "checked against all that this QEMU says of itself; --prove starts it"


class ProvingWanted(NamedTuple):
    """Whether QEMU itself shall judge, and whether a part is not enough."""

    wanted: bool = False
    whole: bool = False


class DomainAsked(NamedTuple):
    """What is asked."""

    xml: bytes
    monitor: str | None
    incoming: str | None
    assume_unknown_present: bool
    wishes: Wishes


def translate_command(
    domain: DomainFile,
    socket: Socket = None,
    binary: Binary = None,
    replies: Replies = None,
    form: Annotated[
        Format,
        typer.Option("--format", help="shell: one option a line; json: binary, argv, resources, hotplug, notes."),
    ] = Format.shell,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    monitor: Annotated[
        str | None,
        typer.Option(
            "--monitor",
            metavar="SOCKET",
            help="Have QEMU speak QMP on this unix socket, for whoever watches over it. Without it QEMU is on its own.",
        ),
    ] = None,
    incoming: Annotated[
        str | None,
        typer.Option(
            "--incoming",
            metavar="URI",
            help="Take the state of a guest that ran before from here: defer, tcp:HOST:PORT, unix:PATH, file:PATH.",
        ),
    ] = None,
    settings: Settings = None,
    prove: Prove = False,
    whole: Whole = False,
    assume_unknown_present: Assume = False,
    strict: Strict = False,
    ignore_unknown: IgnoreUnknown = False,
    make_up: MakeUp = False,
    seed: Seed = None,
    starts_at: StartsAt = None,
    quiet: FewWords = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose",
            "-v",
            help="Say on stderr what the host prepares, who handles hot-plug, what the guest calls its cards.",
        ),
    ] = False,
) -> None:
    """Without `--binary`, the domain's `<emulator>` says which of the service's binaries it is for. The command line is
    checked against all that the QEMU says of itself; with `--prove` the QEMU is also started with it (see `prober
    prove`), and the verdict stands on stderr, or in the JSON.

    Exit code: 0 translated, and with `--prove` proven; 3 refused, with each reason on stderr as `FILE:LINE: PATH:
    message`, or by QEMU; 4 not provable, or with `--whole` proven in part; 2 the XML or the recording cannot be read.

    Example: `prober translate --binary /usr/bin/qemu-system-x86_64 vm.xml`
    """
    output.hush(words=quiet)
    code = run_translate(
        choose(socket, binary, replies, settings),
        domain,
        as_json=json or form is Format.json,
        monitor=monitor,
        incoming=incoming,
        assume_unknown_present=assume_unknown_present,
        verbose=verbose,
        proving=ProvingWanted(prove, whole),
        wishes=Wishes(strict, ignore_unknown, make_up, seed, None if starts_at is None else read_moment(starts_at)),
    )
    raise typer.Exit(code)


def run_translate(
    answerer: Answerer,
    path: str,
    *,
    as_json: bool,
    monitor: str | None,
    incoming: str | None,
    assume_unknown_present: bool,
    verbose: bool,
    proving: ProvingWanted,
    wishes: Wishes = NO_WISHES,
) -> ExitCode:
    """Print the command line, or each refusal on stderr.

    :raise UnreadableDomainError: where the file cannot be read, or is no domain XML at all.
    """
    file = shown_name(path)
    xml = expand_xml(read_xml_file(path))
    given = wishes.starts_at
    try:
        wishes = _with_moment(xml, wishes)
        asked = DomainAsked(xml, monitor, incoming, assume_unknown_present, wishes)
        answer = _ask(answerer, asked, proving)
    except RefusedError as error:
        for refusal in error.refusals:
            output.tell(f"{file}:{refusal}")
        if as_json:
            output.write_json({"refusals": [_dump(refusal) for refusal in error.refusals]})
        return ExitCode.refused
    except UnreadableDomainError as error:
        raise with_place(error, path) from error
    translation = answer["translation"] if proving.wanted else answer
    _tell_beside(translation, file, verbose=verbose)
    if given is None and wishes.starts_at is not None:
        from prober.cli.moment import format_moment

        output.note(format_moment(wishes.starts_at))
    if as_json:
        output.write_json(answer)
    else:
        output.write(format_shell(translation["argv"]))
    if proving.wanted:
        return _tell_proof(answer, proving, as_json=as_json, verbose=verbose)
    if not as_json:
        output.note(_CHECKED)
    return ExitCode.ok


def _tell_proof(proof: dict[str, Any], proving: ProvingWanted, *, as_json: bool, verbose: bool) -> ExitCode:
    """The verdict on stderr, unless the JSON has it; and the exit code."""
    # Imported late: it takes longer than a service takes to answer.
    from prober.cli.proof import exit_of, format_proof

    for line in () if as_json else format_proof(proof, verbose=verbose):
        output.note(line)
    return exit_of(proof, whole=proving.whole)


def _tell_beside(translation: dict[str, Any], file: str, *, verbose: bool) -> None:
    """What stands beside the argv, on stderr: notes, and for who wants to know more the rest."""
    for line in format_notes(translation["notes"], file):
        output.note(line)
    for line in format_surroundings(translation) if verbose else ():
        output.note(line)


def _with_moment(xml: bytes, wishes: Wishes) -> Wishes:
    """With the moment of starting, where the domain cannot do without.

    :raise UnreadableDomainError: where it is no domain XML at all.
    :raise RefusedError: where there is no domain to speak of.
    """
    if wishes.starts_at is not None or b"adjustment" not in xml:
        return wishes
    # Imported late, as a service reads what it is asked about.
    from prober.cli.moment import with_moment
    from prober.translate.read import read_domain

    return with_moment(wishes, read_domain(xml, ignore_unknown=wishes.ignore_unknown))


def _ask(answerer: Answerer, asked: DomainAsked, proving: ProvingWanted) -> dict[str, Any]:
    """The translation, or the proof that holds it."""
    options: dict[str, Any] = {
        "monitor": asked.monitor,
        "incoming": asked.incoming,
        "assume_unknown_present": asked.assume_unknown_present,
        "wishes": asked.wishes,
    }
    if proving.wanted:
        return answerer.prove_domain(asked.xml, anyway=False, **options)
    return answerer.translate(asked.xml, **options)


def _dump(refusal: Any) -> Any:
    return refusal.model_dump(mode="json")


def format_notes(notes: list[dict[str, Any]], file: str) -> Iterator[str]:
    """Notes in lines, ``FILE:LINE: PATH: note: message (hint)``.

    >>> note = {"place": {"line": 3, "path": "/domain/genid"}, "message": "is not done", "hint": "do it"}
    >>> list(format_notes([note], "vm.xml"))
    ['vm.xml:3: /domain/genid: note: is not done (do it)']
    """
    for note in notes:
        hint = f" ({note['hint']})" if note["hint"] else ""
        yield f"{file}:{note['place']['line']}: {note['place']['path']}: note: {note['message']}{hint}"


def format_surroundings(translation: dict[str, Any]) -> Iterator[str]:
    """What stands beside the argv, in lines: what the host must prepare, who handles hot-plug on each bus, and
    what the guest calls its network cards."""
    for resource in translation["resources"]:
        key = f" {resource['key']}" if resource["key"] else ""
        yield f"prepare {resource['kind']} {resource['name']}: {resource['todo']} (word {resource['word']}{key})"
    for port in translation["hotplug"]:
        yield f"hot-plug on {port['controller']} ({port['model']}): {port['hotplug']}"
        for rule in port["rules"]:
            yield f"  {rule}"
    for card in translation["cards"]:
        name = card["name"] or "not known"
        yield f"name of {card['card']} in a guest with systemd ({card['scheme']}): {name}"
        for rule in card["rules"]:
            yield f"  {rule}"
