"""What made it so: features that moved, pixels that carried it, typical cells."""
