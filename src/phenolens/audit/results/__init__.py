"""What the results of a study show: one check a file, each registers itself."""
