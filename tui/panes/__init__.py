"""The parts of the main screen. A pane asks the store in the read lane and posts what the person wants."""
