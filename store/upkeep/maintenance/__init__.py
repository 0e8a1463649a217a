"""Upkeep on a schedule: the tasks, when they are due, who does them, and as a service."""
