"""A multirun: what it searches, its jobs, and what stands at its end."""
