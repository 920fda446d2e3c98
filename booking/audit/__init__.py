"""The audit trail of upstream calls: records, the HMAC chain over them, export and verification."""
