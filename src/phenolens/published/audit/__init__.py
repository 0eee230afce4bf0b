"""The audit of somebody else's study: a declared design and the tables that come with it."""
