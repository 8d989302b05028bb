"""What is read back of a line, and where."""

from __future__ import annotations

from prober.proof.bench import Bench
from prober.proof.given import given_options
from prober.proof.layout import Layout
from prober.proof.readings import readings_of
from tests.recordings import FIXTURES, load_capabilities

_CAPS = {path.name.split("-")[1][:3]: load_capabilities(path) for path in FIXTURES.glob("qemu-*")}


def layout_of(**anonymous: list[str]) -> Layout:
    layout = Layout(cpu="/machine/unattached/device[0]")
    layout.note("/machine/peripheral-anon", [])
    layout.anonymous.update(anonymous)
    return layout


def read(*words: str, layout: Layout | None = None, version: str = "7.2") -> list[tuple[str, str, object]]:
    bench = Bench(_CAPS[version], "/stand-in", line=given_options(["qemu", *words]))
    return [(one.path, one.name, one.given) for one in readings_of(bench, layout or layout_of())]


def test_a_device_is_read_by_its_id_and_its_bus_is_its_parent() -> None:
    assert read("-device", "e1000,id=n,bus=pci.0,addr=0x3") == [
        ("/machine/peripheral/n", "parent_bus", "pci.0"),
        ("/machine/peripheral/n", "addr", "0x3"),
    ]


def test_devices_without_an_id_are_counted_by_type_in_the_order_of_their_making() -> None:
    layout = layout_of(e1000=["/machine/peripheral-anon/device[0]", "/machine/peripheral-anon/device[2]"])
    found = read("-device", '{"driver":"e1000","mac":"b"}', "-device", "e1000,mac=a", layout=layout)
    assert found == [
        ("/machine/peripheral-anon/device[0]", "mac", "a"),
        ("/machine/peripheral-anon/device[2]", "mac", "b"),
    ]


def test_a_version_without_json_makes_devices_in_the_order_of_the_line() -> None:
    layout = layout_of(e1000=["/machine/peripheral-anon/device[0]", "/machine/peripheral-anon/device[1]"])
    found = read("-device", "e1000,mac=a", "-device", "e1000,mac=b", layout=layout, version="5.2")
    assert [given for _, _, given in found] == ["a", "b"]


def test_an_alias_is_the_type_that_it_stands_for() -> None:
    layout = layout_of(**{"virtio-net-pci": ["/machine/peripheral-anon/device[0]"]})
    assert read("-device", "virtio-net,mac=a", layout=layout) == [("/machine/peripheral-anon/device[0]", "mac", "a")]


def test_of_the_machine_the_last_word_counts_and_the_accelerators_own_is_not_read() -> None:
    found = read("-machine", "pc,smm=on,kernel_irqchip=off,accel=tcg", "-machine", "smm=off,mem-merge=on")
    assert found == [("/machine", "smm", "off"), ("/machine", "mem-merge", "on")]


def test_features_of_the_cpu_are_read_with_signs_counting_last() -> None:
    cpu = "/machine/unattached/device[0]"
    assert read("-cpu", "qemu64,+a_b,-c,d=5,e,a_b=off") == [
        (cpu, "d", "5"),
        (cpu, "e", "on"),
        (cpu, "a-b", "on"),
        (cpu, "c", "off"),
    ]


def test_secrets_are_never_read() -> None:
    found = read("-object", "secret,id=s,data=x,format=raw", "-object", "tls-creds-anon,id=t,endpoint=server")
    assert found == [("/objects/t", "endpoint", "server")]


def test_a_global_is_read_of_each_device_that_the_machine_made() -> None:
    layout = layout_of()
    layout.live["PIIX4_PM"] = ["/machine/unattached/device[5]", "/machine/peripheral/x"]
    found = read("-global", "PIIX4_PM.disable_s3=1", "-global", "ICH9-LPC.x=1", layout=layout)
    assert found == [("/machine/unattached/device[5]", "disable_s3", "1")]


def test_what_something_stands_in_for_is_not_read() -> None:
    bench = Bench(_CAPS["7.2"], "/stand-in", line=given_options(["qemu", "-object", "rng-random,id=r,filename=/x"]))
    bench.replace(bench.line[0], "filename", "/dev/urandom")
    assert readings_of(bench, layout_of()) == []
