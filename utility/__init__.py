"""Whether a distorted picture is still of use to a machine: labels, tables, a predictor."""
