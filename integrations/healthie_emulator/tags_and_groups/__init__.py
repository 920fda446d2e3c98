"""Tags and groups: two ways to sort patients, both of which move other things."""
