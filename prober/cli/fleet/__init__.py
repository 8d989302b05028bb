"""A fleet is what a store has of its hosts: `--store sqlite:PATH`, or `PROBER_FLEET_STORE` in the environment.

What a host did not tell is unknown, and never counted as able; each answer says as of when it is. Lists come in pages
(`--limit`, `--after`).

Exit codes: 0 done, or some can; 2 wrong usage or unreadable input; 3 no host can; 4 it is not known of any that it can;
5 the store failed.
"""
