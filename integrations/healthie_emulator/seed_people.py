"""Who works in the seeded practice and who comes to it."""

import dataclasses

STATES = {
    "CA": "California",
    "CO": "Colorado",
    "CT": "Connecticut",
    "FL": "Florida",
    "IL": "Illinois",
    "NJ": "New Jersey",
    "NY": "New York",
    "OR": "Oregon",
    "TX": "Texas",
    "UT": "Utah",
    "WA": "Washington",
    "WI": "Wisconsin",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class SampleClinician:
    """A clinician as the seed describes one."""

    first_name: str
    last_name: str
    qualifications: str
    timezone: str
    states: tuple[str, ...]
    city: str
    opens: int  # hour of the wall clock
    key: str | None


CLINICIANS = (
    SampleClinician(
        first_name="Ada",
        last_name="Sample-Rivers",
        qualifications="MD",
        timezone="America/New_York",
        states=("NY", "NJ", "CT", "FL"),
        city="New York",
        opens=9,
        key="emulator-key-clinician-1",
    ),
    SampleClinician(
        first_name="Ben",
        last_name="Sample-Stone",
        qualifications="PhD",
        timezone="America/Chicago",
        states=("IL", "WI", "TX", "FL"),
        city="Chicago",
        opens=10,
        key="emulator-key-clinician-2",
    ),
    SampleClinician(
        first_name="Cleo",
        last_name="Sample-Meadow",
        qualifications="NP",
        timezone="America/Denver",
        states=("CO", "UT", "CA", "NY"),
        city="Denver",
        opens=8,
        key="emulator-key-clinician-3",
    ),
    SampleClinician(  # nobody has her key: what cannot be proved cannot be booked
        first_name="Dana",
        last_name="Sample-Shore",
        qualifications="LCSW",
        timezone="America/Los_Angeles",
        states=("CA", "WA", "OR"),
        city="Los Angeles",
        opens=9,
        key=None,
    ),
)

PATIENTS = (
    ("One", "America/New_York", "emulator-key-patient-1"),
    ("Two", "America/Los_Angeles", "emulator-key-patient-2"),
    ("Three", "America/Chicago", "emulator-key-patient-3"),
)
