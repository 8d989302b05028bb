"""Which of the firmware of a host a domain gets."""
