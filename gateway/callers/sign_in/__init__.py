"""Signing in with the practice's OpenID Connect provider: its keys, its tokens, and who they stand for."""
