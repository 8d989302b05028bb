"""A line for each request, where the setting ``log_requests`` wants one."""

from __future__ import annotations

import logging

from prober.service.logs.handlers import ACCESS_LOG
from prober.service.messages import Request, Response

access = logging.getLogger(ACCESS_LOG)


def tell_access(request: Request, response: Response, seconds: float) -> None:
    """Log a request and how it was answered."""
    fields = {
        "event": "request",
        "method": request.method,
        "path": request.path,
        "route": request.route.path if request.route else "none",
        "status": response.status,
        "bytes": len(response.body),
        "ms": f"{seconds * 1000:.2f}",
        "uid": request.peer.uid if request.peer else "",
        "client": request.name,
    }
    said = "%s %s: %d in %.2f ms"
    access.info(said, request.method, request.path[:200], response.status, seconds * 1000, extra={"fields": fields})
