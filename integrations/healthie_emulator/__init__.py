"""The Healthie emulator: an independent program that executes the contract schema over HTTP, entirely in memory."""
