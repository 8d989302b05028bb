"""What a worker does: it reads, translates and checks, and makes the answer ready to be sent.

Imported in the nursery alone (the service never needs the pipeline itself), and by tests.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import BaseModel

from prober.capabilities import Capabilities
from prober.commandline.brief import MOST_OF_AN_ANSWER, within_an_answer
from prober.commandline.report import check_argv
from prober.domain.domain import Domain
from prober.errors import ProberError, RefusedError, ServiceError, UsageError
from prober.export.domcapabilities import DomainsAsked, tell_domains
from prober.guest.cpu.map import cpu_map
from prober.host.files import read_host, starting_at
from prober.host.host import Host
from prober.rehearsal.plug_models import PlugRequest, request_of
from prober.rehearsal.statefile import read_kept_domain, read_state_head
from prober.service.answers import ANSWERS
from prober.service.bodies import PinnedLine, PlugWork, TwoLines, read_plug_body, read_two_lines
from prober.service.messages import Response
from prober.service.problems import problem, problem_of
from prober.service.requests import words_of
from prober.service.workers.known import KnownBinaries
from prober.service.workers.wire import WorkerFrame
from prober.translate.pinned import canonical_machine, with_machine
from prober.translate.pipeline import translate
from prober.translate.plug_translate import translate_plug
from prober.translate.read import read_domain
from prober.translate.wishes import Wishes
from prober.xml.document import XmlLimits

log = logging.getLogger(__name__)

#: The longest text beside an answer: the name of a binary that is handed back to be looked up (longer than a path may
#: be), and what the log has of an error.
_MOST_TEXT = 5000

#: How many hosts are kept: the one that holds, and one that is being tried.
_MOST_HOSTS = 2


class _Hosts:
    """The hosts that were read, by file and epoch, or why they could not be; and the one of the next worker."""

    def __init__(self) -> None:
        self.read: dict[tuple[str | None, int], Host | ProberError] = {}
        self.current: Host | ProberError = ServiceError("the host was not read")


_hosts = _Hosts()


def prepare(file: str | None, epoch: int) -> bool:
    """Have the next worker take the host from this file (None: nobody wrote any); whether it was read only now.

    What is wrong with it is kept for whoever needs it.  ``epoch`` changes when files are to be read again.
    """
    key = file, epoch
    is_new = key not in _hosts.read
    if is_new:
        cpu_map()
        for old in list(_hosts.read)[: 1 - _MOST_HOSTS]:
            del _hosts.read[old]
        try:
            _hosts.read[key] = read_host(None if file is None else Path(file))
        except ProberError as error:
            _hosts.read[key] = error
    _hosts.current = _hosts.read[key]
    return is_new


def answer(frame: WorkerFrame, known: KnownBinaries) -> WorkerFrame:
    """The answer to a question, which may be why there is none.  Raises nothing but what ends the process."""
    what = str(frame.head.get("do"))
    try:
        return _ANSWERS[what](frame.head, frame.body, known)
    except ProberError as error:
        return _as_frame(problem_of(error), error)
    except MemoryError:
        pass
    except Exception:
        # The client is told so much, and the log has it whole.
        log.exception("a worker failed at %s", what)
        return _as_frame(problem(500, f"{what}: a fault in prober itself", hint="see its log"))
    # Outside of the handler, with what filled the memory gone.
    detail = "this takes more memory than a worker may have"
    return _as_frame(problem(503, detail, hint="send less at once", kind="work"))


def _host() -> Host:
    if isinstance(_hosts.current, ProberError):
        raise ServiceError(_hosts.current.message, hint=_hosts.current.hint)
    return _hosts.current


def _read_host(_: Mapping[str, Any], __: bytes, ___: KnownBinaries) -> WorkerFrame:
    _host()
    return WorkerFrame({"status": 200})


def _translate(head: Mapping[str, Any], body: bytes, known: KnownBinaries) -> WorkerFrame:
    wishes = Wishes(*head.get("wishes", ()))
    domain = read_domain(body, XmlLimits(bytes=head["most"]), ignore_unknown=wishes.ignore_unknown)
    caps = known.get(head["caps"])
    if caps is None or not (head["named"] or _is_for(domain, *head["guessed"])):
        return WorkerFrame({"wants": [_short(domain.emulator), _short(domain.arch)]})
    binary = _program(head, domain.emulator, caps.target)
    translation = translate(
        domain,
        caps,
        binary=binary,
        monitor=head["monitor"],
        incoming=head["incoming"],
        host=starting_at(_host(), wishes.starts_at),
        is_here=not head["is_recording"],
        assume_unknown_present=head["assume"],
        strict=wishes.strict,
        seed=wishes.seed_of(domain.name),
    )
    return _bounded(translation)


def _is_for(domain: Domain, emulator: str | None, arch: str | None) -> bool:
    """Whether a domain is for this binary; where it names none, whether it is for this architecture."""
    return domain.emulator == emulator and (emulator is not None or domain.arch == arch)


def _short(name: str | None) -> str | None:
    return None if name is None else name[:_MOST_TEXT]


def _program(head: Mapping[str, Any], emulator: str | None, target: str) -> str:
    """What stands first in argv: the binary, by the name that the domain has for it.

    A recording is no program: there it is the domain's own emulator, or where QEMU usually is.
    """
    if head["is_recording"]:
        return emulator or f"/usr/bin/qemu-system-{target}"
    return emulator if emulator is not None and emulator in head["paths"] else str(head["path"])


def _check(head: Mapping[str, Any], body: bytes, known: KnownBinaries) -> WorkerFrame:
    words = words_of(body, head["declared"])
    caps = known.get(head["caps"])
    if caps is None or not (head["named"] or words[0] == head["guessed"]):
        return WorkerFrame({"wants": [_short(words[0]), None]})
    report = check_argv(words, caps, assume_unknown_present=head["assume"])
    return WorkerFrame({"status": 200}, report.model_dump_json(by_alias=True).encode())


def _words(head: Mapping[str, Any], body: bytes, _: KnownBinaries) -> WorkerFrame:
    """The words alone, for whoever does the rest."""
    return WorkerFrame({"status": 200}, json.dumps(words_of(body, head["declared"])).encode())


def _host_binary(head: Mapping[str, Any], domain: Domain, known: KnownBinaries) -> tuple[Capabilities, str]:
    """What the binary that is asked about can do, and what stands first in its lines."""
    caps = known.get(head["caps"])
    assert caps is not None, "such a question is about one binary"
    return caps, _program(head, domain.emulator, caps.target)


def _translate_pinned(head: Mapping[str, Any], domain: Domain, machine: str | None, known: KnownBinaries) -> PinnedLine:
    """What a domain comes to that keeps the machine that it has where it runs; None: it runs with this binary."""
    caps, binary = _host_binary(head, domain, known)
    host = _host()
    kept = machine if machine is not None else canonical_machine(domain, caps, host)
    told = translate(
        with_machine(domain, kept), caps, binary=binary, host=host, is_here=True, assume_unknown_present=head["assume"]
    )
    return PinnedLine(machine=kept, argv=told.argv, cards=told.cards)


def _pin(head: Mapping[str, Any], body: bytes, known: KnownBinaries) -> WorkerFrame:
    domain = read_domain(body, XmlLimits(bytes=head["most"]))
    try:
        line = _translate_pinned(head, domain, head["machine"], known)
    except RefusedError as error:
        caps, _ = _host_binary(head, domain, known)
        machine = head["machine"] or canonical_machine(domain, caps, _host())
        line = PinnedLine(machine=machine, refusals=tuple(within_an_answer(error.refusals)))
    return _bounded(line)


def _state(head: Mapping[str, Any], body: bytes, known: KnownBinaries) -> WorkerFrame:
    """The line that is to take a state, by the head of its file."""
    kept = read_state_head(body)
    domain = read_kept_domain(kept, XmlLimits(bytes=head["most"]))
    line = _translate_pinned(head, domain, kept.machine, known)
    return WorkerFrame({"status": 200}, json.dumps(line.argv).encode())


def _plug(head: Mapping[str, Any], body: bytes, known: KnownBinaries) -> WorkerFrame:
    asked = read_plug_body(body)
    assume = head["assume"]
    if asked.domain is None:
        if head.get("only"):
            raise UsageError("commands are there already", hint="send a domain and devices")
        words = asked.argv or ()
        request = PlugRequest(
            words=words, commands=asked.commands, anyway=head["anyway"], assume_unknown_present=assume
        )
        return _bounded(PlugWork(request=request))
    domain = read_domain(asked.domain.encode(), XmlLimits(bytes=head["most"]))
    caps, binary = _host_binary(head, domain, known)
    told = translate_plug(
        domain,
        [device.encode() for device in asked.devices],
        asked.unplug,
        caps,
        binary=binary,
        host=_host(),
        is_here=not head["is_recording"],
        assume_unknown_present=assume,
    )
    if head.get("only"):
        return _bounded(told)
    return _bounded(PlugWork(request=request_of(told, anyway=head["anyway"], assume=assume), translation=told))


def _lines(head: Mapping[str, Any], body: bytes, _: KnownBinaries) -> WorkerFrame:
    """Both lines of a migration."""
    if body.lstrip()[:1] == b"{":
        return _bounded(read_two_lines(body))
    words = tuple(words_of(body, head["declared"]))
    return _bounded(TwoLines(argv=words, to_argv=words))


def _bounded(model: BaseModel) -> WorkerFrame:
    """:raise UsageError: where it is more than an answer may have."""
    told = model.model_dump_json(by_alias=True).encode()
    if len(told) > MOST_OF_AN_ANSWER:
        message = f"what this comes to has {len(told)} bytes, and an answer has at most {MOST_OF_AN_ANSWER}"
        raise UsageError(message, hint="a domain with fewer devices has a shorter command line")
    return WorkerFrame({"status": 200}, told)


def _answer_of_one(head: Mapping[str, Any], _: bytes, known: KnownBinaries) -> WorkerFrame:
    caps = known.get(head["caps"])
    assert caps is not None, "such a question is about one binary"
    model = ANSWERS[head["route"]](head["ident"], caps, head["places"])
    return WorkerFrame({"status": 200}, model.model_dump_json(by_alias=True).encode())


def _tell_domains(head: Mapping[str, Any], _: bytes, known: KnownBinaries) -> WorkerFrame:
    caps = known.get(head["caps"])
    assert caps is not None, "such a question is about one binary"
    asked = DomainsAsked.model_validate(head["asked"])
    model = tell_domains(caps, asked, binary=head["ident"], path=head["path"], host=_host())
    return WorkerFrame({"status": 200}, model.model_dump_json(by_alias=True).encode())


def _describe(_: Mapping[str, Any], __: bytes, ___: KnownBinaries) -> WorkerFrame:
    from prober.service.openapi import describe

    return WorkerFrame({"status": 200}, describe())


def _as_frame(response: Response, error: ProberError | None = None) -> WorkerFrame:
    head: dict[str, Any] = {
        "status": response.status,
        "media": response.media_type,
        "close": response.close,
        "retry": response.retry_s,
    }
    if error is not None:
        head |= {"message": error.message[:_MOST_TEXT], "hint": error.hint[:_MOST_TEXT]}
        head |= {"met": error.kind, "is_usage": isinstance(error, UsageError)}
    return WorkerFrame(head, response.body)


Work: TypeAlias = Callable[[Mapping[str, Any], bytes, KnownBinaries], WorkerFrame]

_ANSWERS: dict[str, Work] = {
    "translate": _translate,
    "check": _check,
    "words": _words,
    "pin": _pin,
    "state": _state,
    "plug": _plug,
    "lines": _lines,
    "answer": _answer_of_one,
    "domcapabilities": _tell_domains,
    "describe": _describe,
    "host": _read_host,
}
