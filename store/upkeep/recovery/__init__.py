"""Bringing back what is damaged or missing, and going back to a backup or to the past."""
