"""What a Cell Painting screen shows, and how far the numbers hold."""

__version__ = "0.1.0"
