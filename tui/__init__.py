"""chartkeep's terminal UI: a Textual app over the public names of `store`."""
