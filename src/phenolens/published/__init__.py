"""The published study: its research questions, its tables and figures made again, its audit.

The core does not know this room. It registers steps, sections, words and an audit, and is found as
:data:`phenolens.plugins.ROOMS` says.
"""
