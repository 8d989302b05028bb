#!/usr/bin/env python3
"""Tell which of a service's QEMUs accept which domains, several at a time, and go on as its QEMUs change.

    examples/ask.py SOCKET VM.xml... [--watch]

Ends with 0 where every domain is accepted by every QEMU, with 2 where one cannot be read, with 3 where one is refused,
with 5 where there is no service.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

import prober


async def ask(service: prober.AsyncServiceClient, ident: str, domain: Path, xml: bytes) -> bool:
    """Print what one QEMU makes of one domain; whether it accepts it."""
    try:
        translation = await service.translate(xml, ident)
    except prober.RefusedError as error:
        print(f"{domain} on {ident}: refused")
        for refusal in error.refusals:
            print(f"  {refusal} [{getattr(refusal, 'rule', '')}]")
        return False
    print(f"{domain} on {ident}: {len(translation.argv)} words, {len(translation.notes)} notes")
    return True


async def ask_all(service: prober.AsyncServiceClient, domains: list[Path]) -> bool:
    """Each domain of each QEMU that has an answer; whether all accept all."""
    entries = [entry for entry in await service.binaries() if entry.state == "ready"]
    read = [(domain, await asyncio.to_thread(domain.read_bytes)) for domain in domains]
    return all(await asyncio.gather(*(ask(service, entry.id, *one) for entry in entries for one in read)))


async def run(socket: str, domains: list[Path], *, watch: bool) -> int:
    """Ask once, and with ``watch`` again whenever something has changed."""
    async with prober.AsyncServiceClient(socket) as service:
        is_sound = await ask_all(service, domains)
        if watch:
            async for change in service.events():
                print("changed:", "something" if isinstance(change, prober.ChangesLost) else change.binary, flush=True)
                await ask_all(service, domains)
    return 0 if is_sound else 3


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("socket")
    parser.add_argument("domains", nargs="+", type=Path)
    parser.add_argument("--watch", action="store_true")
    asked = parser.parse_args()
    try:
        return asyncio.run(run(asked.socket, asked.domains, watch=asked.watch))
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    except prober.UnreadableDomainError as error:
        print(error, file=sys.stderr)
        return 2
    except prober.ProberError as error:
        print(error, file=sys.stderr)
        return 5
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
