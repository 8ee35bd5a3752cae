"""What drawn video is made of: motions, the look of a body, and scenes that are filmed."""
