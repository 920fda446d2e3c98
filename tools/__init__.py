"""Programs that work on this project and are no part of it."""
