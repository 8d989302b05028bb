"""The short form of ``make agreement``: on lines that are spoilt by machine, a proof is what the bare QEMU says."""

from __future__ import annotations

import pytest

from tests.agreement.__main__ import FEW
from tests.agreement.compare import compare
from tests.conftest import QemuPlace, aio


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_proof_is_what_the_bare_qemu_says(any_qemu: QemuPlace) -> None:
    table = aio(compare(any_qemu, FEW), debug=False)
    wrong = [f"{case.of_proof}: {case.variant.note}: {case.words}" for case in table.cases if "false" in case.of_proof]
    assert wrong == [], table.text()
    assert sum(case.of_proof == "not provable" for case in table.cases) <= len(table.cases) * 0.05, table.text()
    assert sum(case.taken for case in table.cases) >= FEW // 4
