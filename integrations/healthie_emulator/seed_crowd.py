"""A crowd: many synthetic patients at once, for a practice of any size."""

from integrations.healthie_emulator.state import World

ARCHIVED_OF_EACH = 10  # every tenth is archived, as in a practice of some years

_FIRST_NAMES = ("Alex", "Bo", "Casey", "Dana", "Eli", "Fran", "Gale", "Harper")


def add_crowd(world: World, count: int) -> int:
    """Add patients with a name and an email of their own, and send no events; return how many there are now."""
    clinician = next(user for user in world.users if user.is_active_provider)
    there = sum(user.is_patient for user in world.users)
    for number in range(there, there + count):
        first = _FIRST_NAMES[number % len(_FIRST_NAMES)]
        world.users.add(
            first_name=first,
            last_name=f"Sample-Crowd {number}",
            email=f"{first.lower()}.crowd{number}@example.com",
            timezone=clinician.timezone,
            dietitian_id=clinician.id,
            is_patient=True,
            active=number % ARCHIVED_OF_EACH != 0,
        )
    return there + count
