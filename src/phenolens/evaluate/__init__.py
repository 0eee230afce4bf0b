"""Tables in, result tables out: is it active, does it match, does it hold."""
