"""Workflows: batch operations with a life cycle, recorded in the journals they write to."""
