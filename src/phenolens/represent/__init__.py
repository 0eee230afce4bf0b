"""Images or cells to tables of features, each with a card that says how it was made."""
