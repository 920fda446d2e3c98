"""Operations: why a checkout needs a person, alerts, blocked clinicians, and what operators see."""
