"""What `updateClient` and `updateUser` take as it is given, besides names and contact."""

from typing import Any

# In both mutations.
ALIKE = (
    *("default_billing_type", "gender_identity_code", "preferred_language_code", "primary_ethnicity_code"),
    *("primary_race_code", "pronouns", "secondary_ethnicity_code", "secondary_race_code", "sex"),
    *("sexual_orientation_code", "sexual_orientation_other"),
)
# In `updateClient`, and those of them that there are in `createClient`.
DETAILS = (
    *(
        "additional_phone_number",
        "additional_record_identifier",
        "auto_charge_enabled",
        "height",
        "quick_notes",
    ),
    *("restricted", "ssn"),
    *ALIKE,
)


def given_details(given: dict[str, Any]) -> dict[str, Any]:
    """Return what an input says of these."""
    return {name: given[name] for name in DETAILS if given.get(name) is not None}
