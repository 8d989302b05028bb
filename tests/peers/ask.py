"""One peer asked about all domains: what libvirt makes of each, what prober makes of it, and in what they differ."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from prober.capabilities.capabilities import Capabilities
from prober.errors import RefusedError, UsageError
from prober.host.firmware import read_firmware
from prober.host.host import Host, Settings
from prober.qemu.interview import interview
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from tests.peers.compare import differences
from tests.peers.domains import as_asked
from tests.peers.inside import STATE
from tests.peers.peer import Peer, Said
from tests.peers.reasons import Difference
from tools.roots import BINARY

#: As prober calls them; what comes of a domain on both sides.
OUTCOMES = ("identical", "different", "refused by both", "refused by prober alone", "refused by libvirt alone")


@dataclass(slots=True)
class Run:
    """What came of asking one peer."""

    peer: str
    qemu: str
    counts: Counter[str] = field(default_factory=Counter)
    found: list[Difference] = field(default_factory=list)


def ask_peer(root: Path, domains: Iterable[Path]) -> Run:
    """Ask the libvirt of a root, and prober for the QEMU there.

    :raise OSError: where it cannot be started, or libvirt says why it cannot be asked.
    """
    asked = asyncio.run(interview(BINARY, root=root))
    caps = Capabilities.from_recording(asked.recording)
    host = host_of(root)
    with Peer(root) as peer:
        if peer.fault:
            raise OSError(f"{root}: libvirt cannot be asked: {peer.fault}")
        run = Run(".".join(map(str, peer.version[:2])), str(caps.version))
        for path in domains:
            xml = as_asked(path.read_text())
            _judge(peer.ask(xml), path.stem, xml, run, lambda xml: _argv(xml, caps, host))
    return run


def _argv(xml: str, caps: Capabilities, host: Host) -> Sequence[str]:
    """What prober makes of it."""
    monitor = f"{STATE}/monitor.sock"
    domain = read_domain(xml.encode())
    return translate(domain, caps, binary=BINARY, monitor=monitor, host=host, is_here=True, seed="peer").argv


def host_of(root: Path) -> Host:
    """The host that libvirt sees in its box: its driver's directories, the root's firmware, no drives, and now."""
    settings = Settings(
        expand_machine_aliases=True,
        state_directory=f"{STATE}/lib/qemu",
        run_directory=f"{STATE}/run/qemu",
        channel_target_directory=f"{STATE}/run/qemu/channel",
        memory_backing_dir=f"{STATE}/lib/qemu/ram",
        default_tls_x509_cert_dir=f"{STATE}/etc/pki/qemu",
        stdio_handler="file",
        # A start that is only pretended has no descriptors to pass.
        pass_descriptors=False,
    )
    return Host(settings=settings, firmware=read_firmware(root), cdroms=(), starts_at=int(time.time()))


def _judge(said: Said, domain: str, xml: str, run: Run, ours: Callable[[str], Sequence[str]]) -> None:
    """Count what came of one domain, and note in what the sides differ."""
    try:
        argv = ours(xml)
    except (RefusedError, UsageError) as error:
        run.counts["refused by both" if said.error else "refused by prober alone"] += 1
        if not said.error:
            run.found += (Difference("refused", run.peer, domain, text, rule) for rule, text in _refusals(error))
        return
    if said.error:
        run.counts["refused by libvirt alone"] += 1
        run.found.append(Difference("built", run.peer, domain, said.error))
        return
    lines = differences(list(said.argv[1:]), list(argv[1:]), xml)
    run.counts["different" if lines else "identical"] += 1
    run.found += (Difference("different", run.peer, domain, line) for line in lines)


def _refusals(error: RefusedError | UsageError) -> list[tuple[str, str]]:
    """Each with the name of its rule."""
    if isinstance(error, RefusedError):
        return [(refusal.rule, str(refusal)) for refusal in error.refusals]
    return [("unreadable", str(error))]
