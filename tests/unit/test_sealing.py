import base64
import json

import pytest

from integrations.database.sealing import SealBroken, Sealer

OLD, NEW = bytes(32), bytes(range(32))
PLACE = "checkouts/chk_sample/guest"
DETAILS = {"email": "patient@example.com", "phone": "+1 555-0100", "birth_date": None}


def sealer(*keys: str) -> Sealer:
    known = {"old": OLD, "new": NEW}
    return Sealer({name: known[name] for name in keys}, current=keys[0])


def test_what_is_sealed_opens_in_its_place() -> None:
    one = sealer("new")
    assert one.open(one.seal(DETAILS, place=PLACE), place=PLACE) == DETAILS


def test_nothing_of_the_value_can_be_read_and_no_two_seals_are_alike() -> None:
    one = sealer("new")
    first, second = one.seal(DETAILS, place=PLACE), one.seal(DETAILS, place=PLACE)
    assert first["box"] != second["box"]
    assert not any(str(value) in json.dumps(first) for value in DETAILS.values() if value)


@pytest.mark.parametrize("place", ["checkouts/chk_other/guest", "checkouts/chk_sample/card", ""])
def test_moved_to_another_place_it_does_not_open(place: str) -> None:
    one = sealer("new")
    with pytest.raises(SealBroken):
        one.open(one.seal(DETAILS, place=PLACE), place=place)


def test_changed_by_any_one_bit_it_does_not_open() -> None:
    one = sealer("new")
    sealed = one.seal({"a": 1}, place=PLACE)
    box = bytearray(base64.b64decode(sealed["box"]))
    for at in range(len(box) * 8):
        changed = bytearray(box)
        changed[at // 8] ^= 1 << at % 8
        with pytest.raises(SealBroken):
            one.open(sealed | {"box": base64.b64encode(changed).decode()}, place=PLACE)


def test_after_a_change_of_keys_the_former_rows_open_and_new_ones_name_the_new_key() -> None:
    before, after = sealer("old"), sealer("new", "old")
    assert after.open(before.seal(DETAILS, place=PLACE), place=PLACE) == DETAILS
    assert after.seal(DETAILS, place=PLACE)["key"] == "new"


def test_under_a_key_that_is_gone_or_another_of_its_name_it_does_not_open() -> None:
    sealed = sealer("old").seal(DETAILS, place=PLACE)
    for keys in ({"new": NEW}, {"old": NEW}):
        with pytest.raises(SealBroken):
            Sealer(keys, current=next(iter(keys))).open(sealed, place=PLACE)
    with pytest.raises(SealBroken):  # a key's id is sealed with the value
        Sealer({"renamed": OLD}, current="renamed").open(sealed | {"key": "renamed"}, place=PLACE)


@pytest.mark.parametrize(
    "sealed", [{}, {"key": "new"}, {"key": "new", "box": "not base64"}, {"key": "new", "box": ""}, DETAILS]
)
def test_what_was_never_sealed_does_not_open(sealed: dict[str, str]) -> None:
    with pytest.raises(SealBroken) as told:
        sealer("new").open(sealed, place=PLACE)
    assert "patient@example.com" not in str(told.value)


def test_a_key_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Sealer({"short": b"short"}, current="short")
