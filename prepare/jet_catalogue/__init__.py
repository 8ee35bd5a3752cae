"""Catalogues of coronal jets: who was seen where and when, and which box that is in a frame."""
