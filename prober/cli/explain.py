"""``prober explain``: all that is known of one fact."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from prober.capabilities.explain import (
    About,
    AboutBackend,
    AboutCommand,
    AboutCpu,
    AboutKey,
    AboutMachine,
    AboutMember,
    AboutOption,
    AboutProperty,
    AboutType,
    AboutValue,
    Explanation,
    explain,
)
from prober.capabilities.history import trace
from prober.capabilities.members import EnumValue
from prober.cli import output
from prober.cli.answerer import Answerer
from prober.cli.choosing import choose
from prober.cli.knowledge import capabilities_of
from prober.cli.options import Binary, Fact, Json, Recordings, Replies, Socket
from prober.cli.recordings import read_recordings
from prober.cli.supporting import format_evidence

Line = tuple[str, str]


def explain_command(
    fact: Fact,
    socket: Socket = None,
    binary: Binary = None,
    replies: Replies = None,
    recordings: Recordings = None,
    json: Json = False,
) -> None:
    """The versions are those of the recordings that come with prober, and of `--recordings`. Exit code: 0, whether the
    QEMU has it or not (`prober supports` has the codes for that).

    Example: `prober explain --binary /usr/bin/qemu-system-x86_64 PIIX4_PM.acpi-root-pci-hotplug`
    """
    run_explain(choose(socket, binary, replies), fact, recordings or [], as_json=json)


def run_explain(answerer: Answerer, fact: str, places: Sequence[Path], *, as_json: bool) -> None:
    """Print the explanation.

    :raise FactError: where the name is not that of a fact.
    :raise RecordingError: where one of the recordings cannot be read.
    """
    caps = capabilities_of(answerer)
    caps.supports(fact)  # Before the recordings are read, which would be in vain for what is no fact.
    history = trace(fact, read_recordings(places, caps.target), caps.target)
    explanation = explain(caps, fact, history)
    if as_json:
        output.write_json(explanation.model_dump(mode="json"))
    else:
        output.write(format_explanation(explanation, answerer.name()))


def format_explanation(explanation: Explanation, qemu: str) -> str:
    """The evidence as ``prober supports`` prints it, then what it is, then which versions have it."""
    evidence = explanation.evidence.model_dump(mode="json")
    if explanation.about is not None:
        evidence["reply"] = None  # What QEMU answered is told in words.
    elif isinstance(evidence["reply"], list) and len(evidence["reply"]) > _MANY:
        evidence["reply"] = None  # Nor is a long list of other names; `prober supports` has it.
    lines: list[Line] = []
    if explanation.about is not None:
        lines += describe_about(explanation.about)
    if explanation.history is not None:
        lines.append(("versions", str(explanation.history)))
        if explanation.history.left_out:
            lines.append(("", f"{explanation.history.left_out} recordings are of other targets"))
    width = max([9, *(len(key) for key, _ in lines)])
    return "\n".join([format_evidence(evidence, qemu), *(f"  {key:<{width}} {text}" for key, text in lines)])


#: What an option takes, in words.
_BACKENDS = {
    "display": "a display",
    "audiodev": "an audio driver",
    "chardev": "a character device",
    "blockdev": "a block driver",
}

#: More names than these are no answer for a human.
_MANY = 20


def describe_about(about: About) -> Iterator[Line]:
    """What something is, in lines of a word and its text."""
    match about:
        case AboutType():
            yield "is", "an abstract type" if about.abstract else "a type"
            yield from _if_any("parents", about.parents)
            yield "has", _count(about.properties, "properties")
        case AboutProperty():
            yield from _property(about)
        case AboutMachine():
            yield from _machine(about)
        case AboutCpu():
            yield from _cpu(about)
        case AboutOption():
            yield "is", "a command-line option"
            yield "keys", ", ".join(f"{key} ({kind})" for key, kind in about.keys.items()) or "none listed"
        case AboutBackend():
            yield "is", f"{_BACKENDS[about.option]} that -{about.option} takes"
        case AboutKey():
            yield "is", f"a key of -{about.option}"
            yield "type", about.type
        case _:
            yield from _qmp(about)


def _qmp(about: AboutCommand | AboutMember | AboutValue) -> Iterator[Line]:
    match about:
        case AboutCommand():
            yield "is", _marked("a QMP command", deprecated=about.deprecated)
            yield "members", "unknown" if about.members is None else (", ".join(about.members) or "none")
            yield from _if_any("returns", [about.returns] if about.returns else [])
        case AboutMember():
            yield "is", f"a member of the arguments of {about.command}"
            for form in about.forms:
                yield "type", form.type + (", optional" if form.optional else ", mandatory")
                yield from _if_any("values", map(_value, form.values))
                yield from _if_any("features", form.features)
                yield from _if_any("where", form.when)
        case AboutValue():
            yield "is", _marked(f"a value of {about.command}.{about.path}", deprecated=about.deprecated)


def _property(about: AboutProperty) -> Iterator[Line]:
    yield "is", f"a property of {about.of}"
    yield "type", about.type
    yield "default", json.dumps(about.default) if about.default_told else f"unknown: {about.default_note}"
    yield from _if_any("says", [about.description] if about.description else [])


def _machine(about: AboutMachine) -> Iterator[Line]:
    machine = about.machine
    yield "is", _marked("a machine", deprecated=machine.deprecated)
    yield "name", machine.name
    yield from _if_any("alias", [machine.alias] if machine.alias else [])
    yield "default", "yes" if machine.is_default else "no"
    yield "CPUs", f"{machine.cpu_max} at most" if machine.cpu_max is not None else "unknown"
    yield "CPU", machine.default_cpu_type or "default not told"
    yield "RAM id", machine.default_ram_id or "not told"
    yield from _if_any("parent", [about.parent] if about.parent else [])
    yield "has", _count(about.properties, "properties")


def _cpu(about: AboutCpu) -> Iterator[Line]:
    model = about.model
    yield "is", _marked("a CPU model", deprecated=model.deprecated)
    yield from _if_any("type", [model.typename] if model.typename else [])
    yield from _if_any("alias of", [model.alias_of] if model.alias_of else [])
    lacking = model.unavailable_features
    if lacking is None:
        yield "lacks", "unknown: QEMU does not say"
    else:
        yield "lacks", (", ".join(lacking) or "nothing") + f" (with {about.accelerator}, on the host that was asked)"
    yield "has", _count(about.properties, "properties")


def _value(value: EnumValue) -> str:
    return f"{value.name} (deprecated)" if value.deprecated else value.name


def _marked(noun: str, *, deprecated: bool) -> str:
    return f"{noun}, deprecated" if deprecated else noun


def _count(number: int | None, noun: str) -> str:
    return f"unknown {noun}" if number is None else f"{number} {noun}"


def _if_any(key: str, words: Iterable[str]) -> Iterator[Line]:
    text = ", ".join(words)
    if text:
        yield key, text
