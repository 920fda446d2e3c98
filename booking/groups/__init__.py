"""Group visits: which are coming up, and whether a seat is left. No patient is named in them."""
