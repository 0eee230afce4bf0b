"""Sections of the report about the published study; each registers itself."""
