"""Asking a reader what an upgrade breaks, in as many questions as the domains need."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from prober.cli.files import with_place
from prober.cli.fleet.asking import ASSUME, note_away, read_answer, told
from prober.cli.fleet.readers import client_of
from prober.cli.output import ProgressLine
from prober.cli.remote import check_reply
from prober.errors import UnreadableDomainError
from prober.fleet.upgrade import Fate, UpgradeAnswer
from prober.service.client import NOTHING, Client
from prober.service.fleet.routes import UPGRADE

#: So many bytes of domains are in one question; one more is in it in any case.
_AT_ONCE = 256 << 10

#: A domain, and what it is called.
_Named = tuple[str, bytes]


def upgrade_by(reader: str, old: str, new: str, domains: Sequence[_Named], *, assume: bool) -> UpgradeAnswer:
    """The answer of a reader about all of these domains.

    :raise ProberError: as the question does.
    """
    query: dict[str, str | bool] = {"from": old, "to": new, ASSUME: assume}
    answers: list[UpgradeAnswer] = []
    with client_of(reader) as client, ProgressLine() as progress:
        for some in _parts(domains):
            progress.show(f"{sum(len(answer.domains) for answer in answers)} of {len(domains)} domains …")
            answers += _ask(client, query, some)
    note_away(answers[0])
    every = [domain for answer in answers for domain in answer.domains]
    order = list(Fate)
    every.sort(key=lambda domain: (order.index(domain.fate), domain.domain))
    fates = {fate: sum(answer.fates[fate] for answer in answers) for fate in Fate}
    return answers[0].model_copy(update={"fates": fates, "domains": tuple(every)})


def _ask(client: Client, query: dict[str, str | bool], domains: Sequence[_Named]) -> Iterator[UpgradeAnswer]:
    """One question; two where the answer is too large for one."""
    if len(domains) == 1:
        ((name, xml),) = domains
        reply = client.ask(UPGRADE, NOTHING, told({**query, "name": name}), xml, "application/xml")
    else:
        body = json.dumps({name: xml.decode() for name, xml in domains}).encode()
        reply = client.ask(UPGRADE, NOTHING, told(query), body, "application/json")
    if reply.status == 413 and len(domains) > 1:
        half = len(domains) // 2
        yield from _ask(client, query, domains[:half])
        yield from _ask(client, query, domains[half:])
        return
    try:
        yield read_answer(check_reply(reply), UpgradeAnswer)
    except UnreadableDomainError as error:
        if len(domains) == 1:
            raise with_place(error, domains[0][0]) from error
        # Which of them it is, is told where each is asked alone.
        for domain in domains:
            yield from _ask(client, query, [domain])


def _parts(domains: Sequence[_Named]) -> Iterator[list[_Named]]:
    """The domains in parts, each of a size that can be sent, and of names that differ; one part at least."""
    part: list[_Named] = []
    size = 0
    for name, xml in domains:
        if not _is_utf8(xml):
            yield [(name, xml)]
            continue
        if part and (size + len(xml) > _AT_ONCE or any(name == other for other, _ in part)):
            yield part
            part, size = [], 0
        part.append((name, xml))
        size += len(xml)
    if part or not domains:
        yield part


def _is_utf8(xml: bytes) -> bool:
    """Whether it can be sent as text; what cannot is sent as it is, and the reader says what is wrong with it."""
    try:
        xml.decode()
    except UnicodeDecodeError:
        return False
    return True
