"""Before plating: where on the plates treatments and controls should lie, and the plate maps."""
