"""What the service counts of itself, and how it tells that to Prometheus.

    catalog, connections, application ──▶ Tally ──counts──▶ samples ──▶ text
                                     (plain Python)              (prometheus-client, at the first scrape)

Counting is a few additions on the event loop, without locks: a question takes 100 µs, and shall not pay for this.
prometheus-client (5 MB, a fifth of a second to import) is loaded by the first scrape, and writes the text alone.
"""
