"""The engine that reads XML into models; it knows no element."""
