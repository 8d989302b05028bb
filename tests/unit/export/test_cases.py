"""Whole documents and whole lists of labels, in files.

``cases/VERSION-MACHINE.xml`` is what the recorded QEMU tells of domains on that machine, without the models of mode
``custom``, which are more than all the rest; ``cases/VERSION.labels`` are its labels.  ``nehalem`` in a name is the
same QEMU with KVM, on a host that :mod:`tests.unit.export.hosts` makes.  ``PROBER_REWRITE_CASES=1`` writes them anew:
read the difference.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from prober.capabilities.capabilities import Capabilities
from prober.export.domcapabilities import DomainsAsked, tell_domains
from prober.export.feature_file import feature_file
from prober.export.labels import labels_of
from tests.recordings import load_capabilities
from tests.unit.export.hosts import ENLIGHTENED, RECORDED, nehalem

CASES = Path(__file__).parent / "cases"
REWRITE = os.environ.get("PROBER_REWRITE_CASES") == "1"

_CUSTOM = re.compile(r"(<mode name='custom' supported='yes')>.*?</mode>", re.DOTALL)


def caps_of(name: str) -> Capabilities:
    if name in RECORDED:
        return load_capabilities(RECORDED[name])
    return nehalem(
        name.removesuffix("-nehalem"),
        besides=("vmx", "tsc-deadline"),
        unmigratable=("invtsc",),
        lacking={"Haswell": ("avx2", "avx2", "pcid"), "Penryn": None},
        hyperv=ENLIGHTENED,
        sgx={"sgx": True, "sgx1": True, "flc": False, "sections": [{"node": 0, "size": 1 << 20}]},
    )


def hold(path: Path, made: str) -> None:
    if REWRITE:
        path.write_text(made)
    assert path.read_text() == made


@pytest.mark.parametrize("machine", ["pc", "q35"])
@pytest.mark.parametrize("name", [*RECORDED, "10.0.13-nehalem"])
def test_a_document(name: str, machine: str) -> None:
    told = tell_domains(caps_of(name), DomainsAsked(machine=machine), binary=name)
    assert told.xml.count("<model usable=") > 100
    hold(CASES / f"{name}-{machine}.xml", _CUSTOM.sub(r"\1/>", told.xml))


@pytest.mark.parametrize("name", [*RECORDED, "10.0.13-nehalem"])
def test_labels(name: str) -> None:
    hold(CASES / f"{name}.labels", feature_file((one.name, one.value) for one in labels_of(caps_of(name))))


def test_each_file_is_a_case() -> None:
    names = (*RECORDED, "10.0.13-nehalem")
    cases = {f"{name}{end}" for name in names for end in ("-pc.xml", "-q35.xml", ".labels")}
    assert {path.name for path in CASES.iterdir()} == cases
