"""Sweepers of this project, in the package where Hydra looks for plugins."""
