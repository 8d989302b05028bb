"""A fleet to try: ``make fleet-demo``.

A NATS server, a thousand simulated hosts with builds and variants made of the recordings that come with prober, and a
reader, until Ctrl-C.
"""
