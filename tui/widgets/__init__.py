"""Drawn parts: they know plain values only, and post messages; panes give them data."""
