"""Detectors and predictors of utility for `evaluate.py`: what is judged, and its figures."""
