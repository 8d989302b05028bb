"""Proving lines for the service: in its own process, or in that of a prover that is confined in another way."""
