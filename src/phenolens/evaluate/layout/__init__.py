"""What the positions of wells alone could explain."""
