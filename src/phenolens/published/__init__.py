"""The audit of a published study, and its tables made again."""
