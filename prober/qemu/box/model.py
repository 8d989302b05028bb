"""A box as a value: what it shows, as whom its QEMU runs, and the command line that makes it.

Nothing here touches the host: :mod:`prober.qemu.box.find` tries what there is, :mod:`prober.qemu.box.opened` makes the
directory for stand-ins, :mod:`prober.qemu.launch` starts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from prober.qemu.box.bubblewrap import ALL_TRAITS, Traits, compose
from prober.qemu.box.filter import has_filter
from prober.qemu.box.forms import Form, Network
from prober.qemu.box.group import BoxGroup, GroupPlace
from prober.qemu.box.guard import guarded
from prober.qemu.box.view import View

#: Who QEMU is where we may choose: ``nobody``, who owns nothing.
NOBODY = 65534


@dataclass(frozen=True)
class BoxLimits:
    """What the QEMU of one box may use up.

    ``memory_bytes`` is all the memory that it has touched, its files in memory among it, and holds where there is a
    control group for the box: its address space is no measure of that.  255 vCPUs take a fifth of it.
    ``cpu_s`` are seconds of all its threads together.  ``open_files`` are descriptors.  ``tasks`` are threads and
    processes of the user that it runs as, all boxes together (255 vCPUs make 258).  ``file_bytes`` bounds the size of a
    file, which is a sparse one: files behind a guest's memory may be terabytes.
    """

    cpu_s: int = 60
    open_files: int = 4096
    tasks: int = 2048
    file_bytes: int = 1 << 46
    memory_bytes: int = 1 << 30


@dataclass(frozen=True)
class Identity:
    """As whom QEMU runs, in the numbers of the host; ``uid`` None leaves us what we are.

    ``groups`` are all that it is in besides: the one of ``/dev/kvm``, where that was asked for.
    """

    uid: int | None = None
    groups: tuple[int, ...] = ()


@dataclass(frozen=True)
class Kernel:
    """What the kernel lets us do without bubblewrap.

    ``landlock`` is the version of its interface (0: none), ``network`` whether a network namespace of its own is to be
    had, by way of a user namespace or without.
    """

    landlock: int = 0
    network: Network = "none"


DEFAULT_LIMITS = BoxLimits()
OURSELVES = Identity()
NO_HELP = Kernel()
NO_GROUPS = GroupPlace()


@dataclass(frozen=True)
class Confinement:
    """What is to be had on this host.  Made by :func:`prober.qemu.box.find.find_box`, which tried it.

    ``bwrap`` is the path of bubblewrap, empty in the weak form.
    """

    form: Form
    identity: Identity = OURSELVES
    bwrap: str = ""
    traits: Traits = ALL_TRAITS
    kernel: Kernel = NO_HELP
    limits: BoxLimits = DEFAULT_LIMITS
    kvm: bool = False
    #: Threads that the user has already, who is counted as a whole; they come on top of ``limits.tasks``.
    in_use: int = 0
    groups: GroupPlace = NO_GROUPS

    def describe(self) -> tuple[str, ...]:
        """Which form it is and what it does not give, a sentence each."""
        return tuple(_describe(self))

    def lacks(self) -> tuple[str, ...]:
        """What could not be had here of what the best box of an interview gives, a sentence each."""
        return tuple(_lacks(self))

    def lacks_for_strangers(self) -> tuple[str, ...]:
        """The same of a box for somebody's line, which may want any amount of memory."""
        return (*_lacks(self), *_lacks_of_memory(self))


@dataclass(frozen=True)
class Box:
    """One box for one binary.  Made by :func:`prober.qemu.box.find.open_box`.

    ``theirs`` is the directory for stand-ins as QEMU sees it (:attr:`ours` as we do).  ``root`` is the directory of
    another system's tree that QEMU is started in, None for the host's.
    """

    confinement: Confinement
    view: View
    directory: Path | None
    theirs: str
    root: Path | None = None
    #: Words that QEMU is given besides: its own sandbox, where there is no better one.
    words: tuple[str, ...] = field(default=())
    group: BoxGroup | None = None

    def describe(self) -> tuple[str, ...]:
        """Which form it is and what it does not give, a sentence each."""
        return self.confinement.describe()

    def without_view(self) -> Box | None:
        """The same with nothing of the host hidden, for a binary that does not start in this one: another user, limits
        and the filter are left.  None where there is no less, or where it would be root then."""
        made = self.confinement
        if made.traits.keeps_root or (made.form == "weak" and not made.kernel.landlock):
            return None
        return replace(self, confinement=replace(made, form="weak", kernel=NO_HELP))

    @property
    def ours(self) -> Path:
        """The directory for stand-ins as we see it: the same files as in ``theirs``.

        :raise ValueError: of a box that was opened without one.
        """
        if self.directory is None:
            raise ValueError("this box has no directory for stand-ins")
        return self.directory

    @property
    def is_guarded(self) -> bool:
        """Whether what is executed is a guard, which is told to end (:mod:`prober.qemu.box.guard`)."""
        return self.confinement.form == "bubblewrap"

    @property
    def shares_paths(self) -> bool:
        """Whether it has no mounts of its own, so that ``/proc`` shows us its files under our own paths."""
        return self.confinement.form == "weak"

    def command(self, argv: Sequence[str], *, apart: bool = False) -> list[str]:
        """What is executed so that ``argv`` (the first word: the binary) runs in this box.

        ``apart`` is whether its QMP is not on the standard descriptors: with :attr:`is_guarded` it is what is executed
        that has it as its input, and ``argv`` on :data:`~prober.qemu.box.guard.APART`.
        """
        inside = [self.view.binary, *argv[1:]]
        if self.confinement.form == "weak":
            return inside
        made = self.confinement
        stand_ins = None if self.directory is None else (str(self.directory), self.theirs)
        return guarded(compose(made.bwrap, made.traits, self.view, stand_ins, made.kvm, inside), apart=apart)

    def host_path(self, path: str) -> str | None:
        """The host's path for one in the box; None for what is nothing of the host's."""
        if self.directory is not None and (path == self.theirs or path.startswith(f"{self.theirs}/")):
            return str(self.directory) + path[len(self.theirs) :]
        return self.view.source_of(path)

    def complains(self, stderr: str) -> bool:
        """Whether this is what bubblewrap says when there is no box, so that no QEMU was started."""
        return self.confinement.form == "bubblewrap" and stderr.startswith("bwrap: ")

    def status(self, code: int) -> int:
        """How QEMU ended, for the exit status of what was started: minus the signal's number, or its own status.

        Bubblewrap ends with 128 + N where its child was ended by signal N, as a shell does (bubblewrap 0.8,
        ``propagate_exit_status``).  QEMU itself has no status above 127.
        """
        return 128 - code if self.confinement.form == "bubblewrap" and 128 < code < 128 + 65 else code


def _describe(made: Confinement) -> Iterator[str]:
    if made.form == "bubblewrap":
        yield "QEMU runs in namespaces of its own, made by bubblewrap, and sees /usr, its libraries and its own tree."
    elif made.kernel.landlock:
        yield f"By Landlock (ABI {made.kernel.landlock}) it reads /usr and its own tree, and writes stand-ins alone."
    if made.form == "weak" and made.identity.uid is not None:
        yield "It runs as nobody, as other programs may."
    yield from _lacks(made)
    if made.groups.directory is not None:
        yield f"It may use {made.limits.memory_bytes >> 20} MiB of memory, by a control group of its own."
    yield from _lacks_of_memory(made)


def _lacks_of_memory(made: Confinement) -> Iterator[str]:
    if made.groups.directory is None:
        yield f"What memory it uses is bounded by the host alone: {made.groups.why_not}."


def _lacks(made: Confinement) -> Iterator[str]:
    if made.form == "bubblewrap":
        if made.traits.keeps_root:
            yield "It runs as root on the host, in a user namespace that shows it as nobody."
        if not made.traits.proc:
            yield "It has no /proc: a fresh one cannot be mounted here."
        if not made.traits.userns_disabled:
            yield "It could make further user namespaces."
    else:
        yield from _lacks_when_weak(made.kernel, made.identity)
    if not has_filter():
        yield "There is no filter of system calls for this machine."


def _lacks_when_weak(kernel: Kernel, identity: Identity) -> Iterator[str]:
    yield "Without bubblewrap: QEMU has no view of its own, and is held back by what else the kernel has."
    if not kernel.landlock:
        yield "Without Landlock: it reads what every user may read, and writes where every user may write."
    if identity.uid is None:
        yield "It runs as our own user."
    if kernel.network == "none":
        yield "It shares the host's network, and may use no socket but AF_UNIX, without connecting or listening."
    yield "It sees that the host's other processes are there."
