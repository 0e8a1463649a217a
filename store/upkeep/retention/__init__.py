"""Letting go for good: by rules of age, and where a person asks for it."""
