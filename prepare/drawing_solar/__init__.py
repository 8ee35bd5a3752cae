"""What drawn frames of the sun are made of: the quiet sun, jets, look-alikes, camera and faults."""
