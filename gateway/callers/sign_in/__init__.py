"""Sign-in with the practice's OpenID Connect provider: its keys, its tokens, and the patient that each token belongs to."""
