"""Words of the findings of this room, one file a topic."""
