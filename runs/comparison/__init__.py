"""Several tested runs side by side: on the terminal, in files and in Weights & Biases."""
