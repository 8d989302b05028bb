"""The metrics of a reader, a row each, besides those of every service of prober (:mod:`prober.service.metrics`)."""

from __future__ import annotations

from prober.service.metrics.families import Family

HOSTS = Family("prober_fleet_hosts", "gauge", "Hosts that the reader knows, by whether they are heard.", ("state",))
BUILDS = Family("prober_fleet_builds", "gauge", "Builds of QEMU that it knows.")
DAMAGED = Family("prober_fleet_damaged", "gauge", "Records and builds that count for nothing (1,000 at most).")
AWAY = Family("prober_fleet_store_away", "gauge", "1 while the store cannot be reached, and answers are of the past.")
AS_OF = Family("prober_fleet_as_of_seconds", "gauge", "When what is known was true (seconds since 1970).")
BEATS = Family("prober_fleet_heartbeats", "counter", "Heartbeats that were heard.")
WAITING = Family("prober_fleet_questions_waiting", "gauge", "Questions that are answered now, or wait for their turn.")
TRANSLATIONS = Family(
    "prober_fleet_translations", "counter", "Translations of domains never seen, one for each build (not for upgrade)."
)

FLEET_FAMILIES = (HOSTS, BUILDS, DAMAGED, AWAY, AS_OF, BEATS, WAITING, TRANSLATIONS)
