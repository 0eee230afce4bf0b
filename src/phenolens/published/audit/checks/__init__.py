"""The checks of a declared study: one a file, each registers itself."""
