"""A Healthie that runs anywhere: an independent program that executes the contract schema over HTTP."""
