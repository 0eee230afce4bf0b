"""Strangers' formats in and out, and the ledger of every join on the way."""
