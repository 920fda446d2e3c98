"""Domain events: the outbox, its subscribers, and the deliveries to each."""
