"""TLS in which both sides show a certificate: a reader of a fleet over TCP, and who asks it."""
