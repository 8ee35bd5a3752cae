"""COCO and COCO-VID files, read, checked and split; what passes here is trusted everywhere else."""
