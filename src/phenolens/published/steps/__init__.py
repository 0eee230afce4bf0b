"""Steps of a study that make the published study again; each registers itself."""
