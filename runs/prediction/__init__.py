"""Pictures and videos for `predict.py`: what is read, and what is written about them."""
