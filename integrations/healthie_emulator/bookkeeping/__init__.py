"""The practice's bookkeeping: credits, price list, superbills, and the lists of payments and invoices."""
