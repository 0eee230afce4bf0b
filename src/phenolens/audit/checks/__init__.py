"""Defects of a design, one check a file."""
