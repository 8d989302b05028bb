"""A domain's CPU against this host's: who is held against it, and what a refusal says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.evidence import Verdict
from prober.cli.local import Local
from prober.commandline.refusal import Refusal
from prober.errors import RefusedError
from prober.host.host import Host, HostCpu
from prober.service.workers.known import KnownBinaries
from prober.service.workers.wire import WorkerFrame
from prober.service.workers.work import answer, prepare
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from tests.hosts import on_host
from tests.recordings import FIXTURES, load_capabilities

RECORDED = load_capabilities(FIXTURES / "qemu-10.0.13.replies.xz")
HERE = on_host(RECORDED, "Haswell-noTSX")

DOMAIN = """<domain type='{type}'>
  <name>c</name>
  <memory unit='MiB'>256</memory>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <cpu>
    <model>Haswell</model>
    <feature policy='require' name='pclmuldq'/>
    <feature policy='require' name='avx512f'/>
  </cpu>
</domain>"""
KVM = DOMAIN.format(type="kvm").encode()


def refusals(caps: Capabilities = HERE, *, xml: bytes = KVM, host: Host | None = None) -> list[Refusal]:
    with pytest.raises(RefusedError) as caught:
        translate(read_domain(xml), caps, binary="/q", host=host, is_here=True)
    return list(caught.value.refusals)


def test_a_refusal_says_what_and_where_and_who_said_so() -> None:
    model, feature = refusals()
    assert (model.place.line, model.place.path) == (6, "/domain/cpu/model")
    assert model.message == "this host's CPU lacks what Haswell has: hle, rtm"
    assert model.hint.startswith("Haswell-noTSX is the nearest lower model that it can run; or ")
    assert "<feature policy='disable' name='hle'/><feature policy='disable' name='rtm'/>" in model.hint
    assert (model.qemu_name, model.rule) == ("Haswell", "domain/check-host-cpu")
    assert model.evidence is not None
    assert (model.evidence.verdict, model.evidence.command) == (Verdict.absent, "query-cpu-definitions")
    assert model.evidence.reply == ["hle", "rtm"]
    assert (feature.place.line, feature.place.path) == (8, "/domain/cpu/feature[2]/@name")
    assert (feature.qemu_name, feature.message.split(",")[0]) == ("avx512f", "this host's CPU has no avx512f")
    assert feature.evidence is not None
    assert (feature.evidence.fact, feature.evidence.verdict) == ("avx512f", Verdict.absent)


def test_the_hint_is_heeded() -> None:
    text = (
        KVM.decode()
        .replace("Haswell<", "Haswell-noTSX<")
        .replace("'require' name='avx512f'", "'optional' name='avx512f'")
    )
    argv = translate(read_domain(text.encode()), HERE, binary="/q", is_here=True).argv
    assert "Haswell-noTSX,pclmulqdq=on,avx512f=off" in argv


@pytest.mark.parametrize(
    ("caps", "type", "is_here", "host"),
    [
        (HERE, "kvm", False, None),
        (HERE, "qemu", True, None),
        (RECORDED, "kvm", True, None),
        (HERE, "kvm", True, Host(cpu=HostCpu(model="Haswell"))),
    ],
    ids=["a recording", "TCG", "never asked with KVM", "the settings say another CPU"],
)
def test_where_it_is_not_known_nothing_is_refused(
    caps: Capabilities, type: str, is_here: bool, host: Host | None
) -> None:
    domain = read_domain(DOMAIN.format(type=type).encode())
    argv = translate(domain, caps, binary="/q", is_here=is_here, host=host).argv
    assert "Haswell,pclmulqdq=on,avx512f=on" in argv


def test_what_nobody_told_refuses_nothing() -> None:
    kvm = HERE.accelerators["kvm"].model_copy(update={"cpu_models": None, "cpu_expansions": ()})
    caps = HERE.model_copy(update={"accelerators": {**HERE.accelerators, "kvm": kvm}})
    assert "Haswell,pclmulqdq=on,avx512f=on" in translate(read_domain(KVM), caps, binary="/q", is_here=True).argv


def test_the_forbidden_is_said_once() -> None:
    text = KVM.decode().replace("'require' name='avx512f'", "'forbid' name='aes'").replace("Haswell<", "Westmere<")
    (refusal,) = refusals(xml=text.encode())
    assert refusal.message == "the host's CPU has aes, which the domain forbids"
    assert refusal.evidence is not None
    assert refusal.evidence.verdict is Verdict.present


def test_a_binary_of_this_host_is_held_against_it_and_a_recording_is_not(tmp_path: Path) -> None:
    options = {"monitor": None, "incoming": None, "assume_unknown_present": False}
    settings = tmp_path / "host.toml"
    settings.write_text("")
    with pytest.raises(RefusedError, match="this host's CPU lacks"):
        Local(lambda: HERE, "q", "/usr/bin/q", settings).translate(KVM, **options)  # type: ignore[arg-type]
    assert Local(lambda: HERE, "q", None, settings).translate(KVM, **options)["argv"]  # type: ignore[arg-type]


@pytest.mark.parametrize(("is_recording", "status"), [(False, 422), (True, 200)])
def test_the_service_holds_its_binaries_against_the_host(is_recording: bool, status: int, tmp_path: Path) -> None:
    settings = tmp_path / "host.toml"
    settings.write_text("")
    prepare(str(settings), 1)
    known = KnownBinaries()
    known._known[1] = HERE
    head = {
        "do": "translate", "most": 1 << 20, "caps": 1, "named": True, "guessed": [None, None], "monitor": None,
        "incoming": None, "assume": False, "is_recording": is_recording, "path": "/usr/bin/q", "paths": ["/usr/bin/q"],
    }  # fmt: skip
    frame = answer(WorkerFrame(head, KVM), known)
    assert frame.head["status"] == status
    if status == 422:
        first, second = json.loads(frame.body)["refusals"]
        assert (first["qemu_name"], second["qemu_name"]) == ("Haswell", "avx512f")
