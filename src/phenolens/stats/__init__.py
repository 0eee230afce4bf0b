"""Rankings, permutations, intervals and many tests: the statistics that questions share."""
