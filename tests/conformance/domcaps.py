"""Domain capabilities beside libvirt's own: what a document tells, and where two of them differ.

``python -m tests.conformance.domcaps --theirs DIR [--replies DIR] [--only PATTERN] [--all]`` compares with libvirt's
``tests/domaincapsdata``, for each QEMU whose recording is at hand; ``--virsh FILE --binary QEMU`` with what a libvirt
on this host told of a QEMU that is on it.  The exit code is 1 where something differs that ``domcaps.toml`` has no
reason for, and 2 where there is nothing to compare.
"""

from __future__ import annotations

import argparse
import fnmatch
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from lxml import etree

from prober.capabilities.capabilities import Capabilities
from prober.export.domcapabilities import DomainsAsked, tell_domains
from prober.host.firmware import read_firmware
from prober.host.host import Host
from prober.qemu.recording import Recording
from tests.recordings import LIBVIRT, load_capabilities

#: ``qemu_8.2.0-tcg-virt.riscv64.xml``: the version, the type where it is not kvm, the machine, and the architecture.
_NAME = re.compile(
    r"qemu_(?P<version>[\d.]+)(?P<tcg>-tcg)?(-(?P<machine>q35|virt))?\.(?P<arch>\w+)(?P<variant>(?:\+[a-z]+)*)\.xml"
)


#: The oldest QEMU that libvirt 11.3 runs: documents of older ones lie there still, and none of its tests reads them.
_OLDEST = (6, 2, 0)


#: The architectures whose documents are compared.  Of the others libvirt has maps of CPU models that prober has not.
_COMPARED = ("x86_64", "aarch64", "riscv64", "loongarch64")


class Difference(NamedTuple):
    """One thing that is told otherwise: where, what prober says of it and what libvirt says (None: nothing)."""

    where: str
    ours: str | None
    theirs: str | None

    def reason(self, known: Iterable[Reason]) -> str:
        """Why it may differ; empty where that is a fault."""
        kind = "more" if self.theirs is None else "less" if self.ours is None else "other"
        return next((one.why for one in known if kind in one.kinds and fnmatch.fnmatch(self.where, one.where)), "")

    def __str__(self) -> str:
        return f"{self.where}: {self.ours or 'nothing'} here, {self.theirs or 'nothing'} there"


class Reason(NamedTuple):
    """Why what fits ``where`` may differ, in one of these ways: ``more``, ``less`` or ``other`` here than there."""

    where: str
    kinds: frozenset[str]
    why: str


@cache
def reasons(file: str = "domcaps.toml") -> tuple[Reason, ...]:
    """The differences that are no fault, as a file beside this one lists them."""
    told = tomllib.loads(Path(__file__).with_name(file).read_text())
    return tuple(Reason(where, frozenset(one["is"].split()), one["why"]) for where, one in told.items())


def facts_of(xml: bytes) -> dict[str, str]:
    """All that a document tells, by place: of an element with children each of them, of a list each value."""
    root = etree.fromstring(xml, etree.XMLParser(resolve_entities=False))
    return dict(fact for child in root for fact in _walk(child, ""))


def _walk(node: etree._Element, above: str) -> Iterator[tuple[str, str]]:
    name = node.get("name") if node.tag in ("enum", "mode", "feature") else node.tag
    place = f"{above}{name!s}"
    if node.tag == "enum":
        yield place, "told"
        yield from ((f"{place}={value.text}", "yes") for value in node)
    elif node.tag == "blockers":
        yield f"{above}blockers={node.get('model')}", ",".join(sorted(str(one.get("name")) for one in node))
    elif node.tag == "model" and node.get("usable") is not None:
        yield f"{place}={node.text}", " ".join(f"{key}={value}" for key, value in sorted(_attributes(node).items()))
    elif node.tag == "value":
        yield f"{place}={node.text}", "yes"
    else:
        own = [value for key, value in _attributes(node).items() if key != "name"]
        text = (node.text or "").strip()
        yield place, " ".join([*own, *([text] if text else [])]) or "told"
        for child in node:
            yield from _walk(child, f"{place}/")


def _attributes(node: etree._Element) -> dict[str, str]:
    return {str(key): str(value) for key, value in node.items()}


def differences(ours: bytes, theirs: bytes) -> list[Difference]:
    """Where two documents differ, in the order of their places."""
    mine, other = facts_of(ours), facts_of(theirs)
    places = sorted({**mine, **other})
    return [
        Difference(place, mine.get(place), other.get(place)) for place in places if mine.get(place) != other.get(place)
    ]


class Recorded(NamedTuple):
    """One document of libvirt's suite, and of what it is: the version and architecture of a QEMU, and on which host
    (``+amdsev``)."""

    path: Path
    version: str
    arch: str
    variant: str
    asked: DomainsAsked

    def capabilities(self, replies: Path) -> Capabilities | None:
        """What the QEMU can do, from a directory of recordings, as they are beside this checkout or in libvirt's tree;
        None where there is none of it."""
        suite = replies / f"caps_{self.version}_{self.arch}{self.variant}.replies"
        if suite.is_file():
            return Capabilities.from_recording(Recording.loads(suite.read_text()))
        own = replies if self.arch == "x86_64" else replies.with_name("replies-other") / self.arch
        recording = own / f"qemu-{self.version}.replies.xz"
        return load_capabilities(recording) if recording.is_file() and not self.variant else None


def find_recorded(directory: Path) -> list[Recorded]:
    """Those of QEMU in a directory, by name."""
    found = []
    for path in sorted(directory.iterdir()):
        match = _NAME.fullmatch(path.name)
        if match is None or match["arch"] not in _COMPARED:
            continue
        if tuple(map(int, match["version"].split("."))) >= _OLDEST:
            virttype = "qemu" if match["tcg"] else "kvm"
            asked = DomainsAsked(virttype=virttype, assume_unknown_present=True)
            found.append(Recorded(path, match["version"], match["arch"], match["variant"] or "", asked))
    return found


def compare_recorded(one: Recorded, replies: Path, host: Host) -> list[Difference] | None:
    """Where they differ; None where the QEMU's recording is not at hand, or was not made with that type."""
    caps = one.capabilities(replies)
    if caps is None or (one.asked.virttype == "kvm" and "kvm" not in caps.accelerators):
        return None
    theirs = one.path.read_bytes()
    # libvirt takes the first machine of the list where QEMU has none by default.
    asked = one.asked.model_copy(update={"machine": facts_of(theirs)["machine"]})
    return differences(tell_domains(caps, asked, binary="", host=host).xml.encode(), theirs)


class Compared(NamedTuple):
    """One document, and where it differs, with the reasons (empty where there is none)."""

    name: str
    found: list[tuple[Difference, str]]

    @property
    def faults(self) -> list[Difference]:
        """What has no reason."""
        return [one for one, reason in self.found if not reason]

    def lines(self, *, whole: bool) -> Iterator[str]:
        """What is said of it; with ``whole`` of what has a reason, too."""
        yield f"{self.name}: {len(self.found) - len(self.faults)} explained, {len(self.faults)} not"
        yield from (f"  {one}" for one in self.faults)
        if whole:
            yield from (f"  ({one}: {reason})" for one, reason in self.found if reason)


def explain(name: str, found: Iterable[Difference], known: Iterable[Reason]) -> Compared:
    """Differences with their reasons."""
    known = tuple(known)
    return Compared(name, [(one, one.reason(known)) for one in found])


def _interviewed(binary: str) -> Capabilities:
    from prober.cli.interviewing import interview_now

    return Capabilities.from_recording(interview_now(binary).recording)


def main() -> None:
    """Compare, and print.

    :raise SystemExit: with 1 where something differs without a reason, 2 where there is nothing to compare.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.domcaps", description=__doc__)
    parser.add_argument("--theirs", type=Path, default=LIBVIRT / "domaincapsdata", help="libvirt's own documents")
    parser.add_argument("--replies", type=Path, default=LIBVIRT / "replies", help="recordings, qemu-VERSION.replies.xz")
    parser.add_argument("--firmware", type=Path, default=LIBVIRT / "firmware", help="the root of firmware descriptors")
    parser.add_argument("--only", default="*", help="only documents whose name fits this pattern")
    parser.add_argument("--all", action="store_true", help="print what is explained, too")
    parser.add_argument("--virsh", type=Path, help="a document that a libvirt on this host told")
    parser.add_argument("--binary", default="/usr/bin/qemu-system-x86_64", help="of which QEMU it is told")
    told = parser.parse_args()
    compared = list(_compare_virsh(told.virsh, told.binary) if told.virsh is not None else _compare_suite(told))
    if not compared:
        sys.stderr.write(f"nothing to compare in {told.theirs}\n")
        raise SystemExit(2)
    lines = [line for one in compared for line in one.lines(whole=told.all)]
    kinds = Counter(reason or "no reason" for one in compared for _, reason in one.found)
    lines += ["", *(f"{count:6} {why}" for why, count in kinds.most_common())]
    sys.stdout.write("\n".join(lines) + "\n")
    raise SystemExit(1 if any(one.faults for one in compared) else 0)


def _compare_virsh(file: Path, binary: str) -> Iterator[Compared]:
    theirs = file.read_bytes()
    facts = facts_of(theirs)
    asked = DomainsAsked(machine=facts["machine"], virttype=facts["domain"], arch=facts["arch"])
    host = Host(firmware=read_firmware())
    ours = tell_domains(_interviewed(binary), asked, binary="", path=binary, host=host)
    known = (*reasons(), *reasons("domcaps-older.toml"))
    yield explain(file.name, differences(ours.xml.encode(), theirs), known)


def _compare_suite(told: argparse.Namespace) -> Iterator[Compared]:
    if not told.theirs.is_dir():
        return
    host = Host(firmware=read_firmware(told.firmware))
    for one in find_recorded(told.theirs):
        found = compare_recorded(one, told.replies, host) if fnmatch.fnmatch(one.path.name, told.only) else None
        if found is not None:
            yield explain(one.path.name, found, reasons())


if __name__ == "__main__":
    main()
