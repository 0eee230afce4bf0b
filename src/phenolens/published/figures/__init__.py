"""Figures that published studies show."""
