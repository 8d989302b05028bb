"""What a domain hands to QEMU as it is: in the argv word for word, and checked like any other option."""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prober.commandline.refusal import Refusal
from prober.errors import RefusedError
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from tests.recordings import FIXTURES, load_capabilities

CAPS = load_capabilities(FIXTURES / "qemu-10.0.13.replies.xz")
OLD = load_capabilities(FIXTURES / "qemu-5.2.0.replies.xz")
NAMESPACE = "http://libvirt.org/schemas/domain/qemu/1.0"
DOMAIN = """<domain type='qemu' xmlns:{prefix}='{namespace}'><name>a</name><memory unit='MiB'>256</memory>
<os><type machine='{machine}'>hvm</type></os><features><acpi/></features>
<devices><interface type='user'><mac address='52:54:00:00:00:01'/><model type='virtio'/></interface></devices>
{rest}</domain>"""


def document(rest: str, *, prefix: str = "qemu", machine: str = "pc") -> bytes:
    return DOMAIN.format(prefix=prefix, namespace=NAMESPACE, rest=rest, machine=machine).encode()


def commandline(*words: str) -> str:
    args = "\n".join(f"<qemu:arg value={quoteattr(word)}/>" for word in words)
    return f"<qemu:commandline>\n{args}</qemu:commandline>"


def argv_of(rest: str, **more: str) -> tuple[str, ...]:
    return translate(read_domain(document(rest, **more)), CAPS, binary="/q").argv


def refused(rest: str, **more: str) -> list[Refusal]:
    with pytest.raises(RefusedError) as caught:
        argv_of(rest, **more)
    return list(caught.value.refusals)


def line_of(refusal: Refusal) -> int:
    """Counted from the first <qemu:arg>, as 1."""
    return refusal.place.line - 4


WORDS = [
    "-snapshot",
    "-device",
    "virtio-rng-pci,id=a,addr=0x9",
    "-name",
    "x,y",
    "--global",
    "PIIX4_PM.disable_s3=1",
    "-S",
]


def test_words_stand_as_they_were_before_the_sandbox() -> None:
    plain, more = argv_of(""), argv_of(commandline(*WORDS[:3]))
    at = plain.index("-sandbox")
    assert more == (*plain[:at], *WORDS[:3], *plain[at:])


@pytest.mark.parametrize("prefix", ["qemu", "q", "libvirt"])
def test_any_prefix_of_the_namespace_is_qemus(prefix: str) -> None:
    rest = commandline("-S").replace("qemu:", f"{prefix}:")
    assert "-S" in argv_of(rest, prefix=prefix)
    wrong = commandline("-X").replace("qemu:", f"{prefix}:")
    (refusal,) = refused(wrong, prefix=prefix)
    assert refusal.place.path == f"/domain/{prefix}:commandline/{prefix}:arg/@value"


def test_elements_of_another_namespace_are_not_understood() -> None:
    xml = document(commandline("-S")).replace(NAMESPACE.encode(), b"http://example.org/")
    with pytest.raises(RefusedError, match="not understood: element <qemu:commandline>"):
        translate(read_domain(xml), CAPS, binary="/q")


@pytest.mark.parametrize(
    ("words", "line", "message"),
    [
        (["-S", "-device", "e1000,addr=9,mak=x"], 3, "has no e1000.mak"),
        (["-S", "-device", "e1000,addr=9", "-nodefalts"], 4, "has an option -nodefalts"),
        (["-device e1000"], 1, "has an option -device e1000"),
        (["-device", "e1000,addr=9,netdev=nobody"], 2, "names a netdev 'nobody'"),
        (["-device", "e1000,id=x"], 2, "e1000 has no addr and is made first, so it gets slot 0x2 of pci.0"),
        (["-netdev", "user,id=hostnet0"], 2, "is called 'hostnet0' already"),
        (["-device", '{"driver":"e1000","bus":"pci.0","addr":"0x2"}'], 2, "slot 0x2"),
        (["-global", "ICH9-LPC.disable_s3=1"], 2, "would ignore this"),
        (["-machine", "pc-i440fx-99.0"], 2, "has no machine pc-i440fx-99.0"),
        (["-S", "-device"], 2, "requires an argument"),
        (["-chardev", '{"id":"a","backend":{"type":"null","data":{}}}'], 2, "does not read -chardev in JSON"),
    ],
    ids=repr,
)
def test_a_fault_is_refused_with_the_line_of_its_word(words: list[str], line: int, message: str) -> None:
    (refusal,) = refused(commandline(*words))
    assert message in refusal.message
    assert line_of(refusal) == line
    assert refusal.place.path.startswith("/domain/qemu:commandline/qemu:arg")


def test_what_an_old_qemu_does_not_read_in_json_is_refused() -> None:
    xml = document(commandline("-device", '{"driver":"e1000"}'))
    assert translate(read_domain(xml), CAPS, binary="/q")
    with pytest.raises(RefusedError, match=r"5\.2\.0 does not read -device in JSON"):
        translate(read_domain(xml), OLD, binary="/q")


def test_a_passed_option_may_name_what_the_domain_has() -> None:
    argv = argv_of(commandline("-object", "filter-dump,id=f,netdev=hostnet0,file=/tmp/f"))
    assert "filter-dump,id=f,netdev=hostnet0,file=/tmp/f" in argv


def test_faults_are_found_on_a_machine_that_is_not_understood() -> None:
    messages = [refusal.message for refusal in refused(commandline("-device", "e1000,mak=x"), machine="isapc")]
    assert any("has no e1000.mak" in message for message in messages)


@pytest.mark.slow
@settings(deadline=None, max_examples=200)
@given(st.lists(st.sampled_from(WORDS) | st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]))))
def test_any_words_are_handed_on_or_refused(words: list[str]) -> None:
    try:
        argv = argv_of(commandline(*words))
    except RefusedError as error:
        assert all(refusal.place.path.startswith("/domain/qemu:commandline") for refusal in error.refusals)
        return
    start = argv.index("-sandbox") - len(words)
    assert list(argv[start : start + len(words)]) == words


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "words",
    [
        ["-device", "virtio-blk-pcx"] * 3000,
        [word for number in range(500) for word in ("-device", f"virtio-blk-pcx{number}")],
        ["-device", "e1000," + ",".join(f"p{number}=1" for number in range(6000))],
        ["-device", "e1000," + "p" * 1_000_000],
    ],
    ids=["words", "types", "properties", "characters"],
)
def test_as_much_as_a_document_can_hold_is_refused_in_bounded_time(words: list[str]) -> None:
    assert refused(commandline(*words))


def override(properties: str, alias: str = "net0") -> str:
    frontend = f"<qemu:frontend>{properties}</qemu:frontend>"
    return f"<qemu:override><qemu:device alias='{alias}'>{frontend}</qemu:device></qemu:override>"


@pytest.mark.parametrize(
    ("attributes", "added"),
    [
        ("name='tx' type='string' value='timer'", ',"tx":"timer"'),
        ("name='host_mtu' type='unsigned' value='1400'", ',"host_mtu":1400'),
        ("name='bootindex' type='signed' value='-1'", ',"bootindex":-1'),
        ("name='guest_tso4' type='bool' value='false'", ',"guest_tso4":false'),
    ],
)
def test_an_override_is_a_property_of_its_type(attributes: str, added: str) -> None:
    (device,) = (word for word in argv_of(override(f"<qemu:property {attributes}/>")) if '"net0"' in word)
    assert device.endswith(added + "}")


def test_an_override_replaces_and_removes() -> None:
    change = "<qemu:property name='mac' type='string' value='52:54:00:00:00:09'/>"
    (device,) = (word for word in argv_of(override(change)) if '"net0"' in word)
    assert '"mac":"52:54:00:00:00:09"' in device
    assert "00:01" not in device
    (device,) = (word for word in argv_of(override("<qemu:property name='mac' type='remove'/>")) if '"net0"' in word)
    assert "mac" not in device


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ("name='txx' type='string' value='timer'", "has no virtio-net-pci.txx"),
        ("name='host_mtu' type='unsigned' value='70000'", "from 0 to 65535"),
        ("name='guest_tso4' type='string' value='maybe'", "guest_tso4"),
        ("name='id' type='string' value='net1'", "is no property that can be overridden"),
        ("name='tx' type='string'", "needs a value"),
        ("name='tx' type='remove' value='x'", "takes no value"),
        ("name='host_mtu' type='unsigned' value='-1'", "is no unsigned number"),
        ("name='host_mtu' type='signed' value='9223372036854775808'", "is no signed number"),
        ("name='guest_tso4' type='bool' value='on'", "is neither 'true' nor 'false'"),
        ("name='tx' type='text' value='x'", "'text' is not understood"),
    ],
)
def test_a_wrong_override_is_refused(attributes: str, message: str) -> None:
    (refusal,) = refused(override(f"<qemu:property {attributes}/>"))
    assert message in refusal.message
    assert refusal.place.path.startswith("/domain/qemu:override/qemu:device/qemu:frontend/qemu:property")


def test_an_override_of_nobody_is_refused() -> None:
    (refusal,) = refused(override("<qemu:property name='tx' type='string' value='timer'/>", alias="net7"))
    assert refusal.message == "no device of this domain is called 'net7'"
    assert "net0" in refusal.hint


def test_flags_of_libvirt_are_noted_with_the_reason() -> None:
    xml = "<qemu:capabilities><qemu:add capability='blockdev'/></qemu:capabilities>"
    (note,) = translate(read_domain(document(xml)), CAPS, binary="/q").notes
    assert "the binary itself is asked" in note.message


def test_set_changes_the_device_that_is_translated() -> None:
    xml = "<qemu:commandline><qemu:arg value='-set'/><qemu:arg value='{}'/></qemu:commandline>"
    argv = translate(read_domain(document(xml.format("device.balloon0.deflate-on-oom=on"))), CAPS, binary="/q").argv
    assert "-set" not in argv
    assert any('"deflate-on-oom":true' in word for word in argv)
    assert "no -device with id" in refused(xml.format("device.nobody.x=1"))[0].message
    assert "has no virtio-balloon-pci.deflate" in refused(xml.format("device.balloon0.deflate=on"))[0].message


def test_variables_of_the_environment_are_for_who_starts_qemu() -> None:
    xml = "<qemu:commandline><qemu:env name='A' value='b c'/><qemu:env name='B'/></qemu:commandline>"
    translation = translate(read_domain(document(xml)), CAPS, binary="/q")
    found = [(item.kind, item.name, item.value) for item in translation.resources if item.kind == "environment"]
    assert found == [("environment", "A", "b c"), ("environment", "B", "")]


@pytest.mark.parametrize("name", ["", "1A", "A-B", "A=B"])
def test_a_variable_has_a_name_that_is_one(name: str) -> None:
    (refusal,) = refused(f"<qemu:commandline><qemu:env name='{name}'/></qemu:commandline>")
    assert "letters, digits and underscores" in refusal.message


@pytest.mark.parametrize(
    ("behavior", "words"),
    [
        ("none", []),
        ("omit", ["-compat", '{"deprecated-output":"hide"}']),
        ("reject", ["-compat", '{"deprecated-output":"hide","deprecated-input":"reject"}']),
        ("crash", ["-compat", '{"deprecated-output":"hide","deprecated-input":"crash"}']),
    ],
)
def test_what_is_deprecated_may_be_refused(behavior: str, words: list[str]) -> None:
    argv = list(argv_of(f"<qemu:deprecation behavior='{behavior}'/>"))
    at = argv.index("-compat") if "-compat" in argv else 0
    assert (argv[at : at + 2] if at else []) == words
