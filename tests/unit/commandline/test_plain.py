"""Options with one word: each is checked, takes any text, or is unknown with its reason."""

from __future__ import annotations

import pytest

from prober.commandline.check import check
from prober.commandline.flags import FLAGS
from prober.commandline.parse import KEYED, parse_command_line
from prober.commandline.plain import ANY, NUMBERS, READERS, UNTOLD
from prober.commandline.refusal import Kind
from prober.commandline.rules.table import RULES
from tests.recordings import FIXTURES, load_capabilities

NEW = load_capabilities(FIXTURES / "qemu-10.0.13.replies.xz")


def test_every_option_with_a_value_is_read() -> None:
    ruled = {word[1:] for rule in RULES for word in rule.about if word[:1] == "-"}
    read = {*ANY, *NUMBERS, *READERS, *UNTOLD, *KEYED}
    alone = {name for name, flag in FLAGS.items() if not flag.takes_value}
    tables = [ANY, NUMBERS, set(READERS), set(UNTOLD), set(KEYED), ruled - read - alone]
    for name, flag in FLAGS.items():
        assert sum(name in table for table in tables) == flag.takes_value, name
    for table in tables:
        assert set(table) <= set(FLAGS)


@pytest.mark.parametrize(
    ("words", "kind", "message"),
    [
        ("-parallel none", None, ""),
        ("-serial chardev:c", None, ""),
        ("-serial mon:stdio", None, ""),
        ("-serial foo", Kind.error, "'foo' is no character device that -serial takes"),
        ("-monitor tcp:127.0.0.1:4444", None, ""),
        ("-monitor tcp:127.0.0.1:4444,server=on", None, ""),
        ("-monitor tcp:127.0.0.1:4444,sever=on", Kind.error, "has no -chardev.sever"),
        ("-monitor tcp:127.0.0.1:4444,wait=off", Kind.error, "wait is of a socket chardev that is a server"),
        ("-gdb tcp::1234", None, ""),
        ("-gdb none", None, ""),
        ("-trace enable=foo*", None, ""),
        ("-trace enabled=foo", Kind.error, "has no -trace.enabled"),
        ("-d int", None, ""),
        ("-d ints", Kind.error, "no item 'ints' of the log"),
        ("-net none", None, ""),
        ("-net user", None, ""),
        ("-net usre", Kind.error, "type is 'usre', which is not one of its values"),
        ("-net user,hostnam=x", Kind.error, "hostnam is not known"),
        ("-net nic,model=e1000", None, ""),
        ("-net nic,modl=e1000", Kind.error, "modl is not known"),
        ("-nic user,model=virtio", None, ""),
        ("-nic user,model=nope", Kind.ignored, "no network card 'nope'"),
        ("-nic user,ipv6-net=fec0::/64", None, ""),
        ("-nic user,ipv6-net=fec0::/x", Kind.error, "'x' is no number"),
        ("-vga std", None, ""),
        ("-vga sdt", Kind.error, "not 'sdt'"),
        ("-vga tcx", Kind.error, "has no sun-tcx"),
        ("-uuid 1234", Kind.error, "-uuid is like"),
        ("-watchdog-action pause", None, ""),
        ("-watchdog-action paws", Kind.error, "'paws', which is not one of its values"),
        ("-echr 0x14", None, ""),
        ("-echr x", None, ""),
        ("-incoming tcp:[::]:49152", None, ""),
        ("-incoming http://x", Kind.error, "-incoming is defer, or begins with one of"),
        ("-tpmdev emulator,id=t", Kind.error, "-tpmdev emulator needs chardev"),
        ("-tpmdev emulatr,id=t", Kind.error, "type is 'emulatr'"),
        ("-tpmdev passthrough,id=t,pth=/dev/tpm0", Kind.error, "has no -tpmdev pth"),
        ("-smbios type=41,designation=a", None, ""),
        ("-smbios type=127", Kind.error, "makes no SMBIOS table of type 127"),
        ("-readconfig /etc/q", Kind.unknown, "is not read"),
        ("-kernel /boot/any", None, ""),
    ],
)
def test_a_word(words: str, kind: Kind | None, message: str) -> None:
    parsed = parse_command_line(["qemu", "-chardev", "null,id=c", *words.split()])
    found = [*parsed.findings, *check(parsed.options, NEW)]
    assert [finding.kind for finding in found] == [kind] * (kind is not None), found
    assert all(message in finding.message for finding in found), found
