"""Other systems that are told events over HTTP: signed by Standard Webhooks, and nowhere but on the public Internet."""
