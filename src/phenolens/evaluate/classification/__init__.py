"""Which classes of held-out wells can be told apart, beside baselines."""
