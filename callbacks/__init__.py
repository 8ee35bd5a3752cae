"""Lightning callbacks: they react to finished steps and are thin over `evaluation/`."""
