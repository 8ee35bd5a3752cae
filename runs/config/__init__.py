"""Configs, checked before anything is built from them."""
