"""What instruments leave beside their images, and what their names say."""
