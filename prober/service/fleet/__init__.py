"""The reader of a fleet as a service: it follows a store, holds all in memory, and answers on a socket."""
