"""From ``[data.images]`` to an image set: tables, files, headers, planes."""
