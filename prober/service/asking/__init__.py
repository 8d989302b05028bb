"""The typed client of the service: questions as values, and two who ask them: one waits, one is awaited."""
