"""Knowledge: analogies, frames, concepts and what is derived from them; what its records mean."""
