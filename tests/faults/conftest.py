"""Fixtures of all tests of the store: see `tests.stores`."""

from tests.stores import folder, opened, own_surroundings, store

__all__ = ["folder", "opened", "own_surroundings", "store"]
