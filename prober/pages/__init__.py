"""What is known of QEMUs and what becomes of domains, as pages to look at: a file, or live beside a service."""
