"""What is read of a host: from a scratch root, and from this one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from prober.capabilities.inotify import Inotify
from prober.host.facts import HostFacts, HostProcessor
from prober.host.look import read_host_facts
from tests.cost import processor_time

#: ``linux/inotify.h``.
_IN_OPEN = 0x20

CPUINFO = """processor\t: 0
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 85
stepping\t: 7
microcode\t: 0x5003604
flags\t\t: fpu vmx sse2 fpu avx

processor\t: 1
vendor_id\t: Other
"""

FILES = {
    "proc/sys/kernel/osrelease": "6.1.0-28-amd64\n",
    "proc/cpuinfo": CPUINFO,
    "sys/module/kvm_intel/parameters/nested": "Y\n",
    "sys/module/kvm_intel/parameters/sgx": "N\n",
    "sys/module/kvm_intel/parameters/tdx": "maybe\n",
    "sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages": "0\n",
    "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages": "0\n",
    "sys/kernel/mm/hugepages/something": "",
}


def lay_out(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_what_a_host_says_is_read(tmp_path: Path) -> None:
    assert read_host_facts(lay_out(tmp_path, FILES)) == HostFacts(
        kernel="6.1.0-28-amd64",
        processor=HostProcessor(
            vendor="GenuineIntel", family="6", model="85", stepping="7", microcode="0x5003604",
            flags=("avx", "fpu", "sse2", "vmx"),
        ),
        kvm=False,
        nested=True,
        sgx=False,
        huge_pages=(2048, 1048576),
    )  # fmt: skip


def test_amd_has_parameters_of_its_own(tmp_path: Path) -> None:
    of_amd = {f"sys/module/kvm_amd/parameters/{name}": "1" for name in ("nested", "sev", "sev_es")}
    facts = read_host_facts(lay_out(tmp_path, {**of_amd, "sys/module/kvm_amd/parameters/sev_snp": "N"}))
    assert (facts.nested, facts.sev, facts.sev_es, facts.sev_snp) == (True, True, True, False)
    assert (facts.sgx, facts.tdx) == (None, None)


def test_what_cannot_be_asked_is_unknown(tmp_path: Path) -> None:
    assert read_host_facts(tmp_path) == HostFacts(kvm=False)


@pytest.mark.parametrize("content", [b"\xff" * 100_000, b"", b"\0" * 300, b"flags : \xff\xfe\n" * 10_000])
def test_whatever_stands_there_is_no_error(tmp_path: Path, content: bytes) -> None:
    for name in [*FILES, "dev/kvm", "dev/net/tun", "sys/class/misc/tun"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    facts = read_host_facts(tmp_path)
    assert (facts.nested, facts.sgx, facts.tun) == (None, None, None)
    assert len(facts.model_dump_json()) < 64 << 10


def test_directories_and_pipes_in_place_of_files_are_no_error(tmp_path: Path) -> None:
    for name in FILES:
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
    (tmp_path / "dev/net").mkdir(parents=True)
    (tmp_path / "sys/class/misc/tun").mkdir(parents=True)
    os.mkfifo(tmp_path / "dev/net/tun")
    before = set(os.listdir("/proc/self/fd"))
    assert read_host_facts(tmp_path).tun is None
    assert set(os.listdir("/proc/self/fd")) == before


def test_a_device_whose_driver_is_not_there_is_not_opened(tmp_path: Path) -> None:
    """As opening it would have the kernel load the driver."""
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/vhost-net").write_text("")
    opened = Inotify()
    try:
        opened.add(tmp_path / "dev", _IN_OPEN)
        assert read_host_facts(tmp_path).vhost_net is None
        assert not [event for event in opened.events() if event.name == b"vhost-net"]
        lay_out(tmp_path, {"sys/class/misc/vhost-net/dev": "10:238"})
        assert read_host_facts(tmp_path).vhost_net is None  # as it is a plain file
        assert [event for event in opened.events() if event.name == b"vhost-net"]
    finally:
        opened.close()


def test_this_host_is_read_and_nothing_is_left_open() -> None:
    before = set(os.listdir("/proc/self/fd"))
    first, second = read_host_facts(), read_host_facts()
    assert first == second
    assert first.kernel == os.uname().release
    assert first.processor is not None
    assert set(os.listdir("/proc/self/fd")) == before
    assert HostFacts.model_validate_json(first.model_dump_json()) == first


def test_it_is_read_in_little_time() -> None:
    with processor_time() as cost:
        for _ in range(20):
            read_host_facts()
    assert cost.seconds / 20 < 0.02


def test_devices_that_can_be_asked_are() -> None:
    """On any host: one has all of them, a container none."""
    facts = read_host_facts()
    for device, offered, needed in (
        ("net/tun", facts.tun, {"tun", "tap", "vnet_hdr"}),
        ("vhost-net", facts.vhost_net, {"indirect_desc", "event_idx", "version_1"}),
        ("vhost-vsock", facts.vhost_vsock, {"indirect_desc", "event_idx", "version_1"}),
    ):
        driver = Path("/sys/class/misc", Path(device).name)
        can_be_asked = driver.exists() and os.access(f"/dev/{device}", os.R_OK)
        assert (offered is not None) == can_be_asked, device
        assert needed <= set(offered or needed), device
