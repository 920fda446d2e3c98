"""Stripe, read only: the meaning of its decline codes, and its ledger of our charges for reconciliation.

It cannot charge.
"""
