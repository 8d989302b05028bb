"""The measurements, one after the other, on one store that grows."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from prober.cli.fleet.upgrading import upgrade_by
from prober.fleet.store.keeping import make_streams
from tests.bench import yardstick
from tests.fleet_bench.asking import Took, Translating, ask_can, domain_for, hearing, translations
from tests.fleet_bench.crowd import Crowd, gathered, host_name
from tests.fleet_bench.figures import Figure, in_seconds, ms, share_of
from tests.fleet_bench.made import Qemu
from tests.fleet_bench.running import PATIENCE, Reader, Store, reading

#: The bars of the table: what 100,000 hosts with 40 builds may take.
HOSTS, WRITTEN_S, STORED_MIB, COLD_S, COLD_MIB = 100_000, 15.0, 80.0, 8.0, 450.0
KNOWN_S, NEW_SHARE, REMEMBERED_S, BEATS_SHARE, UPGRADE_S, GROWTH = 0.05, 1.2, 0.001, 0.05, 3.0, 1.5

#: A host beats so often (seconds).
_BEAT_S = 30.0

#: So many names are on a page.
_NAMED = 20

#: They beat where it is measured, and not before: a slow machine may take longer until then.
_NEVER_SILENT = ("--silent-after", "86400")

#: Between two fleets of the growth.
_STEP = 10


@dataclass(frozen=True)
class Form:
    """How much is measured.  ``seconds`` is for each part that goes by time, ``new`` domains are asked that were never
    seen, ``again`` questions are asked that were, ``upgraded`` domains are upgraded."""

    hosts: int = HOSTS
    seconds: float = 10.0
    new: int = 8
    again: int = 500
    upgraded: int = 1000
    builds_each: int = 10

    @property
    def is_whole(self) -> bool:
        """Whether the bars hold for it."""
        return self.hosts >= HOSTS

    @property
    def sizes(self) -> list[int]:
        """The fleets of the growth, each ten times the last one."""
        return [max(1, self.hosts // _STEP**power) for power in (2, 1, 0)]


@dataclass
class _Bench:
    """What is known so far."""

    form: Form
    store: Store
    directory: Path
    qemus: Sequence[Qemu]
    again: dict[int, Took] = field(default_factory=dict)
    never: dict[int, Took] = field(default_factory=dict)
    named: dict[int, Took] = field(default_factory=dict)
    _asked: int = 0

    def figure(self, name: str, bar: str, measured: str, is_met: bool | None, note: str = "") -> Figure:
        """A figure; of a small form it is not said whether it is met."""
        return Figure(name, bar, measured, is_met if self.form.is_whole else None, note)

    def never_seen(self, number: int) -> list[bytes]:
        """So many domains that nobody has asked for yet."""
        self._asked += number
        return [domain_for(self._asked - one) for one in range(number)]


async def measure(form: Form, store: Store, directory: Path, qemus: Sequence[Qemu]) -> AsyncGenerator[Figure, None]:
    """Each figure as it is known.  The store is not started yet."""
    bench = _Bench(form, store, directory, qemus)
    for row in yardstick.rows():
        yield Figure(row.name, "", row.present, None, row.note)
    for part in (_write, _write_through, _read):
        async with aclosing(part(bench)) as figures:
            async for figure in figures:
                yield figure


async def _write(bench: _Bench) -> AsyncGenerator[Figure, None]:
    """Fill the store, in three steps; a reader is asked behind the first two, and the third is :func:`_read`'s."""
    store, sizes = bench.store, bench.form.sizes
    store.start(syncs_always=False)
    await make_streams(store.url, store.keeper)
    async with gathered(store.url, store.hosts, bench.qemus) as crowd:
        began = time.monotonic()
        await crowd.give_builds()
        took, before = time.monotonic() - began, 0
        for size in sizes:
            began = time.monotonic()
            await crowd.tell(range(before, size))
            took += time.monotonic() - began
            before = size
            if size != sizes[-1]:
                await asyncio.to_thread(_ask_small, bench, size)
    builds, variants = (len({getattr(qemu, part) for qemu in bench.qemus}) for part in ("build", "variant"))
    stored = store.size()
    yield bench.figure(
        f"{before:,} hosts, {builds} builds, {variants} variants written, without a sync for each",
        f"≤ {WRITTEN_S:.0f} s",
        in_seconds(took),
        took <= WRITTEN_S,
        f"{before / took:,.0f} records a second on one connection",
    )
    yield bench.figure(
        "they take in the store",
        f"≤ {STORED_MIB:.0f} MiB",
        f"{stored:.1f} MiB",
        stored <= STORED_MIB,
        f"{(stored * (1 << 20)) / before:,.0f} bytes a host, all files",
    )


def _ask_small(bench: _Bench, hosts: int) -> None:
    with reading(bench.store, bench.directory, *_NEVER_SILENT) as reader:
        _ask(bench, reader, hosts)


def _ask(bench: _Bench, reader: Reader, hosts: int, translating: Translating | None = None) -> None:
    """What a question takes over so many hosts, once the builds are known to the translator; and in turns with the
    questions what as many translations take by themselves."""
    ask_can(reader, bench.never_seen(1), hosts=hosts)
    never = bench.never[hosts] = Took()
    for xml in bench.never_seen(bench.form.new):
        never.add(ask_can(reader, [xml], hosts=hosts))
        if translating is not None:
            translating.take(xml)
    (xml,) = bench.never_seen(1)
    ask_can(reader, [xml], hosts=hosts)
    bench.again[hosts] = ask_can(reader, [xml] * bench.form.again, hosts=hosts)
    bench.named[hosts] = ask_can(reader, [xml] * max(1, bench.form.again // 10), hosts=hosts, names=_NAMED)


async def _write_through(bench: _Bench) -> AsyncGenerator[Figure, None]:
    """Write with each record on the disk before it is acknowledged, and see what the disk alone can do."""
    store, hosts, seconds = bench.store, bench.form.hosts, bench.form.seconds
    store.start(syncs_always=True)
    async with gathered(store.url, store.hosts, bench.qemus) as crowd:
        began = time.monotonic()
        number = await crowd.tell((one % hosts for one in range(10 * hosts)), 1, until=began + seconds)
        rate = number / (time.monotonic() - began)
    floor = await asyncio.to_thread(_syncs_a_second, bench.directory / "synced", seconds / 5)
    yield bench.figure(
        "the same with sync_interval: always",
        f"≤ {WRITTEN_S:.0f} s",
        in_seconds(hosts / rate),
        hosts / rate <= WRITTEN_S,
        f"{rate:,.0f} records a second, by {number:,} of them; one sync each, of which this disk does {floor:,.0f}",
    )


def _syncs_a_second(path: Path, seconds: float) -> float:
    began, number = time.monotonic(), 0
    with path.open("wb", buffering=0) as stream:
        while time.monotonic() - began < seconds:
            stream.write(bytes(300))
            os.fsync(stream.fileno())
            number += 1
    return number / (time.monotonic() - began)


async def _read(bench: _Bench) -> AsyncGenerator[Figure, None]:
    """What is measured of one reader over all hosts."""
    reading_all = reading(bench.store, bench.directory, *_NEVER_SILENT)
    reader = await asyncio.to_thread(reading_all.__enter__)
    try:
        cold, cpu = reader.memory(), reader.cpu_s()
        first = await asyncio.to_thread(ask_can, reader, bench.never_seen(1), hosts=bench.form.hosts)
        yield bench.figure(
            "reader started cold on that",
            f"≤ {COLD_S:.0f} s",
            in_seconds(reader.ready_s),
            reader.ready_s <= COLD_S,
            f"{cpu:.1f} s of the processor; its very first question then takes {ms(first.median)}",
        )
        yield bench.figure(
            "its memory then",
            f"≤ {COLD_MIB:.0f} MiB",
            f"{cold['Rss']:.0f} MiB",
            cold["Rss"] <= COLD_MIB,
            f"RSS; PSS {cold['Pss']:.0f} MiB",
        )
        async with gathered(bench.store.url, bench.store.hosts, bench.qemus) as crowd:
            yield await _changes(bench, crowd, reader)
            for figure in await asyncio.to_thread(_questions, bench, reader):
                yield figure
            yield await _beats(bench, crowd, reader)
        yield await asyncio.to_thread(_upgrade, bench, reader)
        yield _growth(bench, "remembered", bench.again)
        yield _growth(bench, "never seen", bench.never)
        end = reader.memory()
        yield Figure("its memory at the end", "", f"{end['Rss']:.0f} MiB", None, f"RSS; PSS {end['Pss']:.0f} MiB")
    finally:
        await asyncio.to_thread(reading_all.__exit__, None, None, None)


async def _changes(bench: _Bench, crowd: Crowd, reader: Reader) -> Figure:
    """From before a host sends its new record until the reader's stream of events tells of it, questions meanwhile."""
    until, sent, number, gone = time.monotonic() + bench.form.seconds, dict[str, float](), 0, False
    (xml,) = bench.never_seen(1)

    def ask() -> None:
        while not gone:
            ask_can(reader, [xml], hosts=bench.form.hosts)
            time.sleep(0.02)

    with hearing(reader.socket) as told:
        asking = asyncio.ensure_future(asyncio.to_thread(ask))
        try:
            while time.monotonic() < until and number < bench.form.hosts:
                sent[host_name(number)] = time.monotonic()
                await crowd.tell([number], 2)
                number += 1
                await asyncio.sleep(0.02)
            deadline = time.monotonic() + PATIENCE
            while not sent.keys() <= told.keys():
                assert time.monotonic() < deadline, sent.keys() - told.keys()
                await asyncio.sleep(0.05)
        finally:
            gone = True
            await asking
    waits = [told[host] - at for host, at in sent.items()]
    p99 = share_of(waits, 99)
    return bench.figure(
        "change on a host → reader knows",
        f"p99 ≤ {ms(KNOWN_S)}",
        f"p99 {ms(p99)}",
        p99 <= KNOWN_S,
        f"p50 {ms(share_of(waits, 50))}; {len(waits)} changes, each synced, while 50 questions a second are asked",
    )


def _questions(bench: _Bench, reader: Reader) -> list[Figure]:
    hosts, translating = bench.form.hosts, Translating(bench.qemus)
    before = translations(reader)
    _ask(bench, reader, hosts, translating)
    count = (translations(reader) - before) / (bench.form.new + 2)
    never, again, named = bench.never[hosts], bench.again[hosts], bench.named[hosts]
    share = never.cpu_s / translating.took_s
    one = translating.took_s / bench.form.new / translating.builds
    return [
        bench.figure(
            "can, XML never seen",
            f"≤ {NEW_SHARE} x builds x one translation",
            f"{share:.2f} x {translating.builds} x {ms(one)}",
            share <= NEW_SHARE,
            f"processor time; {count:g} translations; answered after {ms(never.median)} (median)",
        ),
        bench.figure(
            "can, remembered, without the list",
            f"≤ {ms(REMEMBERED_S)}",
            ms(again.median),
            again.median <= REMEMBERED_S,
            f"median of {len(again.waits)} on the socket; {ms(again.cpu_each)} of the processor",
        ),
        Figure(
            f"can, remembered, with {_NAMED} names",
            "",
            ms(named.median),
            None,
            f"median of {len(named.waits)} on the socket; {ms(named.cpu_each)} of the processor",
        ),
    ]


async def _beats(bench: _Bench, crowd: Crowd, reader: Reader) -> Figure:
    rate, seconds = bench.form.hosts / _BEAT_S, bench.form.seconds
    cpu, began = reader.cpu_s(), time.monotonic()
    sent = await crowd.beat(range(bench.form.hosts), rate, seconds)
    took = time.monotonic() - began
    share = (reader.cpu_s() - cpu) / took
    return bench.figure(
        f"heartbeats of {bench.form.hosts:,} hosts",
        f"≤ {BEATS_SHARE:.0%} of a core",
        f"{share:.1%}",
        share <= BEATS_SHARE,
        f"{sent / took:,.0f} a second for {took:.0f} s; {share * took / sent * 1e6:.0f} µs each",
    )


def _upgrade(bench: _Bench, reader: Reader) -> Figure:
    old, new = (bench.qemus[len(bench.qemus) * part // 4].build for part in (1, 2))
    domains = [(f"domain-{number}", xml) for number, xml in enumerate(bench.never_seen(bench.form.upgraded))]
    cpu, began = reader.cpu_s(), time.monotonic()
    answer = upgrade_by(str(reader.socket), old, new, domains, assume=False)
    took, cpu = time.monotonic() - began, reader.cpu_s() - cpu
    assert len(answer.domains) == len(domains)
    fates = ", ".join(f"{count:,} {fate}" for fate, count in answer.fates.items() if count)
    return bench.figure(
        f"upgrade with {len(domains):,} domains, cold",
        f"≤ {UPGRADE_S:.0f} s",
        in_seconds(took),
        took <= UPGRADE_S,
        f"{cpu:.1f} s of the processor, {ms(cpu / len(domains) / 2)} for each of {2 * len(domains):,}; {fates}",
    )


def _growth(bench: _Bench, name: str, took: dict[int, Took]) -> Figure:
    times = {size: took[size].cpu_each for size in dict.fromkeys(bench.form.sizes)}
    steps = list(times.values())
    worst = max((larger / smaller for smaller, larger in pairwise(steps)), default=1.0)
    return bench.figure(
        f"ten times the hosts, can {name}",
        f"≤ {GROWTH} x",
        f"{worst:.2f} x",
        worst <= GROWTH,
        ", ".join(f"{size:,}: {ms(one)}" for size, one in times.items()) + " of the processor",
    )
