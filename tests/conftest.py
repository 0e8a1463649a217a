"""What holds for every test: examples are the same on every run, and slow machines fail none."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "chartkeep",
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("chartkeep")
