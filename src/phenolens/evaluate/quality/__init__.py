"""Whether plates worked, and what batches add."""
