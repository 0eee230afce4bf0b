"""Which perturbations are similar: to their own replicates, to others of one label."""
