"""A detector of somebody else: everything that the zoo needs to train it."""
