"""SSD300 (Liu et al., ECCV 2016): one pass over a 300x300 frame, 8732 priors, six feature maps."""
