"""Look at one's own screen: from a number to the cells behind it.

A :class:`~phenolens.explore.screen.Screen` is what a study, finished or not, left behind, or
profiles alone. A :class:`~phenolens.explore.site.Site` answers each path of the page from it; the
server hands out these answers, an export writes them as files, byte for byte the same.
"""
