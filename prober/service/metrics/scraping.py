"""The answer to a scrape."""

from __future__ import annotations

import asyncio

from prober.service.messages import Request, Response
from prober.service.metrics.tally import Sample, Tally


class Scraping:
    """Answers with all that a tally has, in the format that is asked for."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        # One at a time: what two scrapers would wait for is the same processor.
        self._lock = asyncio.Lock()

    async def answer(self, request: Request) -> Response:
        """Prometheus' text, or OpenMetrics where the header ``Accept`` names it."""
        as_openmetrics = wants_openmetrics(request.header(b"accept"))
        async with self._lock:
            samples = self._tally.samples()
            body, media_type = await asyncio.to_thread(_write, samples, as_openmetrics)
        return Response(200, body, media_type)


def wants_openmetrics(accept: str) -> bool:
    """Whether a header ``Accept`` takes OpenMetrics: it is named, and not with ``q=0``."""
    for told in accept.lower().split(","):
        media, *parameters = (part.strip() for part in told.split(";"))
        if media == "application/openmetrics-text":
            return not any(part.replace(" ", "") in ("q=0", "q=0.0", "q=0.00", "q=0.000") for part in parameters)
    return False


def _write(samples: list[Sample], as_openmetrics: bool) -> tuple[bytes, str]:
    # Imported by the first scrape: it is 5 MB, and a service that nobody watches does without.
    from prober.service.metrics import exposition

    media_type = exposition.OPENMETRICS if as_openmetrics else exposition.TEXT
    return exposition.write_text(samples, as_openmetrics=as_openmetrics), media_type
