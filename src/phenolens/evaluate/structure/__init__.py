"""What lies together: clusters and silhouettes."""
