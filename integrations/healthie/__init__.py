"""Healthie: the contract, the typed client and one adapter module per port.

No Healthie name is used outside this package.
"""
