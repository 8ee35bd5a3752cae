"""What the jobs of a SLURM cluster ask for, do and leave."""
