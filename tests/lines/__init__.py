"""Command lines to hold prober against, kept as files."""
