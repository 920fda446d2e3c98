"""Healthie: the contract, the typed client and one adapter module per port. Healthie's names stop here."""
