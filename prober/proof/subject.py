"""What a prover is asked: a QEMU, and a line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from prober.capabilities import Capabilities
from prober.qemu.box.judged import MappedFile


@dataclass(frozen=True)
class LineSubject:
    """The QEMU that is asked: the path of its ``binary``, and the capabilities that it told of itself; ``root`` is the
    tree of the system that it is started in, where that is another one.

    ``depends_on`` is all that its answers depend on (its fingerprint as a text); what depends on nothing that is known
    (empty) is not remembered.  ``programs`` are the device and inode of each file that may be the QEMU: what another
    one answered, as the file was replaced meanwhile, is not remembered either.
    """

    binary: str
    capabilities: Capabilities
    root: Path | None = None
    depends_on: str = ""
    programs: frozenset[tuple[int, int]] = frozenset()

    def is_run_by(self, program: MappedFile | None) -> bool:
        """Whether what answered is a file that the answers depend on; true where none answered, or none is named."""
        return program is None or not self.programs or (program.device, program.inode) in self.programs


@dataclass(frozen=True)
class LineRequest:
    """What is asked: the ``words`` of an argv, of which the first is the binary and is never run.

    ``anyway`` starts what the check refuses too; ``assume_unknown_present`` says nothing of what the binary was never
    asked for.
    """

    words: tuple[str, ...]
    anyway: bool = False
    assume_unknown_present: bool = False
