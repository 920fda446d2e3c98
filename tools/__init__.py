"""Programs for developing Frontdoor; none is installed with it."""
