"""Which perturbations differ from their controls, and by which test."""
