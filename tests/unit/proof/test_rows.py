"""The rows against the four bundled recordings: nothing that a QEMU has is without a row, and no row is of nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from prober.capabilities import Capabilities
from prober.capabilities.schema import QapiSchema
from prober.commandline.flags import FLAGS
from prober.proof.row import Treatment
from prober.proof.rows.devices import DEVICES, PATH_PROPERTIES, PROPERTIES
from prober.proof.rows.tables import TABLES
from tests.integration.stand_in_more_twins import DISPLAY_TWINS, OBJECT_TWINS, OTHER_TWINS
from tests.integration.stand_in_twins import CHARDEV_TWINS, NETDEV_TWINS
from tests.recordings import FIXTURES, load_capabilities
from tools.proving_page import PAGE, render_page

RECORDED = {path.name: load_capabilities(path) for path in sorted(FIXTURES.glob("*.replies.xz"))}

#: The names of ``query-command-line-options`` that are another name of an option, or none that a line has.
_GROUPS = {"": "drive", "acpi": "acpitable", "boot-opts": "boot", "memory": "m", "smp-opts": "smp"}

#: Names that QEMU takes beside those of its schema (``chardev/char.c``, ``chardev_alias_table``; ``qom/object.c``).
_ALIASES = {"chardev": {"parport", "tty"}, "object": {"authz-list-file"}}

#: What only other builds have: for other hosts, targets, libraries, or versions that are not among the recordings.
_OF_OTHER_BUILDS = {
    "block driver": {"vxhs"},
    "netdev": {"af-xdp", "vmnet-bridged", "vmnet-host", "vmnet-shared"},
    "object": {"igvm-cfg", "vhost-user-backend"},
    "audiodev": {"coreaudio", "dsound", "sndio"},
    "device": {
        "u2f-emulated", "vfio-ap", "vfio-ccw",
        "virtio-gpu-rutabaga", "virtio-gpu-rutabaga-pci", "virtio-vga-rutabaga", "vhost-user-scmi",
        "vhost-user-scmi-pci",
    },
}  # fmt: skip

#: No QMP answer names these (``fsdev/qemu-fsdev.c``).
_FSDEVS = {"local", "proxy", "synth"}


def _schema(capabilities: Capabilities) -> QapiSchema:
    assert capabilities.schema_ is not None
    return capabilities.schema_


def _argument(command: str, *path: str) -> Callable[[Capabilities], set[str]]:
    def names(capabilities: Capabilities) -> set[str]:
        outcome, found = _schema(capabilities).find_member(command, [*path])
        assert outcome == "found"
        assert isinstance(found, dict)
        return {*_schema(capabilities).enum_values(found["name"])} if found["meta-type"] == "enum" else set()

    return names


def _returned(command: str, member: str) -> Callable[[Capabilities], set[str]]:
    def names(capabilities: Capabilities) -> set[str]:
        schema = _schema(capabilities)
        entity = schema.command(command)
        if entity is None:
            return set()
        kind = schema.entity(entity["ret-type"])
        if kind is not None and kind["meta-type"] == "array":
            kind = schema.entity(kind["element-type"])
        assert kind is not None
        of_type = {one["name"]: one["type"] for one in kind["members"]}[member]
        return {*schema.enum_values(of_type)}

    return names


def _options(capabilities: Capabilities) -> set[str]:
    known = {_GROUPS.get(name, name) for name in capabilities.options or {}}
    return {f"-{name}" for name in known | {*FLAGS}} | {""}


_NAMES: dict[str, Callable[[Capabilities], set[str]]] = {
    "option": _options,
    "netdev": _argument("netdev_add", "type"),
    "chardev": _argument("chardev-add", "backend", "type"),
    "object": _argument("object-add", "qom-type"),
    "block driver": _argument("blockdev-add", "driver"),
    "display": _returned("query-display-options", "type"),
    "audiodev": _returned("query-audiodevs", "driver"),
    "fsdev": lambda _: _FSDEVS,
    "tpmdev": lambda capabilities: {*(capabilities.tpm_types or ())},
}


@pytest.mark.parametrize("recording", RECORDED)
@pytest.mark.parametrize("noun", _NAMES)
def test_whatever_a_qemu_has_has_a_row(noun: str, recording: str) -> None:
    names = _NAMES[noun](RECORDED[recording])
    assert names - {*TABLES[noun].rows} == set()


@pytest.mark.parametrize("noun", [*_NAMES, "device"])
def test_every_row_is_of_something_that_a_qemu_has(noun: str) -> None:
    had: set[str] = set()
    for capabilities in RECORDED.values():
        had |= {*(capabilities.types or {})} if noun == "device" else _NAMES[noun](capabilities)
    more = _ALIASES.get(noun, set()) | _OF_OTHER_BUILDS.get(noun, set())
    assert {*TABLES[noun].rows} - had == more - had
    assert more & had == set(), "a recording has what only other builds were said to have"


#: What the name of a property looks like that names a file, a directory, a descriptor or a device of the host.
_LIKE_A_PATH = re.compile(
    r".*(file|path|dir|dev|fds?|hidraw|cert\d?|key|db|cdat|pcap|kernel|initrd)|(file|path|fd|host).*"
)

#: Properties that look so, and name nothing of the host: what is of the guest, or the id of another option.
_NO_PATHS = frozenset(
    (
        "audiodev", "auth-key", "chardev", "cryptodev", "fdp.ruhs", "fsdev", "host", "host_mtu", "hostmem",
        "legacy-cryptodev",
        "legacy-memdev", "legacy-persistent-memdev", "legacy-pmrdev", "legacy-volatile-dc-memdev",
        "legacy-volatile-memdev", "memdev", "netdev", "persistent-memdev", "pmrdev", "tpmdev", "vdev",
        "volatile-dc-memdev", "volatile-memdev", "host-serial", "legacy-host", "legacy-iommufd", "iommufd", "hostaddr",
        "hostbus", "hostport",
    )
)  # fmt: skip


def _properties_like_paths() -> Iterator[tuple[str, str]]:
    for capabilities in RECORDED.values():
        for typename in capabilities.types or {}:
            if "device" in capabilities.ancestors(typename):
                for known in capabilities.properties_of(typename) or ():
                    if known.type in ("str", "string", "list") and _LIKE_A_PATH.fullmatch(known.name):
                        yield typename, known.name


def test_whatever_device_has_a_property_like_a_path_is_known_for_it() -> None:
    known = {*PATH_PROPERTIES, *PROPERTIES, *_NO_PATHS}
    unknown = {(kind, name) for kind, name in _properties_like_paths() if name not in known and kind not in DEVICES}
    assert unknown == set()


def test_a_property_that_is_said_to_be_a_path_is_one_that_some_device_has() -> None:
    had = {name for _, name in _properties_like_paths()}
    of_other_builds = {"cert", "counter", "dir", "entropy", "privkey", "vhostfds"}
    assert {*PATH_PROPERTIES, *PROPERTIES} - had == of_other_builds


def test_each_row_says_what_becomes_of_it() -> None:
    for noun, table in TABLES.items():
        for name, row in table.rows.items():
            assert bool(row.say) == (row.treatment is not Treatment.kept), (noun, name)


#: Rows that no line is for here: of other builds and hosts, or with tests of their own.
_WITHOUT_TWINS = frozenset(
    (
        "chardev console", "device virtio-gpu-gl-device", "device virtio-gpu-gl-pci",
        "display cocoa", "display default", "object authz-listfile", "audiodev coreaudio", "audiodev dsound",
        "audiodev sndio", "netdev af-xdp", "netdev vmnet-bridged", "netdev vmnet-host", "netdev vmnet-shared",
    )
)  # fmt: skip

#: Options whose rows are of what they name, or whose tests are beside those of images.
_OF_TYPES = re.compile(
    r"-(M|audiodev|blockdev|chardev|device|display|drive|fsdev|global|machine|netdev|object|set|tpmdev|virtfs|)"
    r"|-(acpitable|bios|cdrom|dtb|fd[ab]|fw_cfg|hd[a-d]|initrd|kernel|mtdblock|option-rom|pflash|sd|shim|smbios)|"
)


def test_each_row_that_something_stands_in_for_has_twins() -> None:
    twins = {one.rows for one in (*NETDEV_TWINS, *CHARDEV_TWINS, *OBJECT_TWINS, *DISPLAY_TWINS, *OTHER_TWINS)}
    rows = {
        f"{noun} {name}"
        for noun, table in TABLES.items()
        for name, row in table.rows.items()
        if row.treatment is Treatment.stood_in and noun != "block driver"
        if not (noun == "option" and _OF_TYPES.fullmatch(name))
    }
    assert rows - twins == _WITHOUT_TWINS
    assert twins - rows == set()


def test_the_document_has_the_tables_as_they_are() -> None:
    page = PAGE.read_text()
    assert page == render_page(page)
