"""Frames of the sun for `predict.py`: archives and growing folders to detections and events."""
