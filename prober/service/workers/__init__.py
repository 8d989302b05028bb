"""The processes that work for the service, so that its event loop never does what takes long.

    service ──asks──▶ nursery ──forks──▶ worker        the nursery has no thread, and what all workers need is loaded
       └────────────questions, answers──────▶          a socket for each worker, which the nursery does not hold

``docs/decisions/workers.md`` says why they are processes, and what was measured.
"""
