"""One file a format: what tables and images of a screen come as, recognised and read."""
