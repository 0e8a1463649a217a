"""Figures about a store: measured, rated, sampled over time, told to people and programs."""
