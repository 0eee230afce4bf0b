"""What a study of a folder would read: which files, as what, and why not the rest."""
