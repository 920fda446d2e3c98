"""The chain of audit records: whatever is done to it is found, and where."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from random import Random

import pytest

from booking.audit.chain import NOTHING_YET, Anchor, AuditKey, Link, entry_of, extended, record_of
from booking.audit.model import AuditKind
from booking.audit.verification import ChainVerifier, FaultKind, VerificationReport
from tests.doubles.audit_samples import FORMER, KEY, WRONG, a_chain, an_entry

TAMPERS = 10_000
LONGEST = 12

# As they stand in a table: whoever tampers may have left several with one number, or none.
Links = list[Link]


def judged(
    links: Iterable[Link],
    *,
    keys: Sequence[AuditKey] = (KEY,),
    anchors: Iterable[Anchor] = (),
    after: Anchor = NOTHING_YET,
) -> VerificationReport:
    reader = ChainVerifier(keys, anchors=anchors, after=after)
    for link in links:
        reader.read(link)
    return reader.end()


def anchor(link: Link) -> Anchor:
    return Anchor(sequence=link.sequence, mac=link.mac)


def altered(text: str, random: Random) -> str:
    at = random.randrange(len(text))
    other = random.choice([character for character in "0123456789abcdef{}: " if character != text[at]])
    return text[:at] + other + text[at + 1 :]


def renumbered(links: Links) -> Links:
    return [replace(link, sequence=number) for number, link in enumerate(links, 1)]


def edit_record(links: Links, at: int, random: Random) -> Links:
    links[at] = replace(links[at], record=altered(links[at].record, random))
    return links


def edit_meaning(links: Links, at: int, random: Random) -> Links:
    """Say something else in a well-formed record."""
    values = json.loads(links[at].record)
    name = random.choice(sorted(values.keys() - {"key"}))
    values[name] = "something else"
    links[at] = replace(links[at], record=json.dumps(values, sort_keys=True, separators=(",", ":")))
    return links


def edit_mac(links: Links, at: int, random: Random) -> Links:
    links[at] = replace(links[at], mac=altered(links[at].mac, random))
    return links


def edit_filing(links: Links, at: int, random: Random) -> Links:
    if random.random() < 0.5:
        links[at] = replace(links[at], at=altered(links[at].at, random))
    else:
        other = None if links[at].checkout_id else "checkout_9"
        links[at] = replace(links[at], checkout_id=other)
    return links


def edit_sequence(links: Links, at: int, random: Random) -> Links:
    """Give it a number further on, beyond all others."""
    moved = replace(links.pop(at), sequence=len(links) + random.randrange(2, 9))
    return [*links, moved]


def delete(links: Links, at: int, random: Random) -> Links:
    del links[at : at + random.randrange(1, 4)]
    return links


def delete_and_renumber(links: Links, at: int, random: Random) -> Links:
    return renumbered(delete(links, at, random))


def swap(links: Links, at: int, random: Random) -> Links:
    other = random.choice([place for place in range(len(links)) if place != at])
    links[at], links[other] = links[other], links[at]
    return renumbered(links)


def truncate(links: Links, at: int, random: Random) -> Links:
    return links[:at]


def forge(links: Links, at: int, random: Random) -> Links:
    """Replace the rest, well chained, under the name of the true key."""
    head = anchor(links[at - 1]) if at else NOTHING_YET
    pretended = AuditKey(b"another key that says it is the true one")
    pretended.id = KEY.id
    forged = [record_of(an_entry(random.randrange(1, 9)), pretended) for _ in links[at:]]
    return [*links[:at], *extended(head, forged, pretended)]


def insert_forged(links: Links, at: int, random: Random) -> Links:
    """Put in one that is signed with the wrong key, or with one that nobody knows, and move the others on."""
    key = random.choice([WRONG, AuditKey(random.randbytes(32))])
    head = anchor(links[at - 1]) if at else NOTHING_YET
    (forged,) = extended(head, [record_of(an_entry(), key)], key)
    return renumbered([*links[:at], forged, *links[at:]])


def replay(links: Links, at: int, random: Random) -> Links:
    """Put in a copy of an older record: in the place of one, between two, or at the end."""
    older = links[random.randrange(at + 1)]
    where = random.choice(["instead", "between", "end"])
    if where == "instead" and older is not links[at]:
        links[at] = older
        return renumbered(links)
    if where == "between":
        return renumbered([*links[:at], older, *links[at:]])
    return [*links, replace(older, sequence=len(links) + 1)]


def rewind(links: Links, at: int, random: Random) -> Links:
    """Cut off the end and go on with the true key: what only who has the key can do, and an anchor still shows."""
    head = anchor(links[at - 1]) if at else NOTHING_YET
    others = [record_of(an_entry(number, actor="patient:9"), KEY) for number in range(at + 1, len(links) + 3)]
    return [*links[:at], *extended(head, others, KEY)]


Tamper = Callable[[Links, int, Random], Links]
ANYWHERE: tuple[Tamper, ...] = (
    edit_record,
    edit_meaning,
    edit_mac,
    edit_filing,
    swap,
    forge,
    insert_forged,
    replay,
)
# At the very end these leave a sound chain that is shorter: they are found as far back as the last anchor.
BEFORE_AN_ANCHOR: tuple[Tamper, ...] = (edit_sequence, delete, delete_and_renumber, truncate, rewind)


def test_ten_thousand_tampers_are_all_found() -> None:
    random = Random(20260302)
    chains = {length: a_chain(length) for length in range(2, LONGEST + 1)}
    found: Counter[str] = Counter()
    for number in range(TAMPERS):
        whole = chains[random.randrange(2, LONGEST + 1)]
        tamper = random.choice(ANYWHERE + BEFORE_AN_ANCHOR)
        anchored = random.randrange(len(whole))
        last = anchored + 1 if tamper in BEFORE_AN_ANCHOR else len(whole)
        at = random.randrange(last)
        tampered = tamper(list(whole), at, random)
        assert tampered != whole, tamper
        anchors = [anchor(whole[anchored])] if tamper in BEFORE_AN_ANCHOR or random.random() < 0.5 else []
        report = judged(tampered, anchors=anchors)
        assert not report.sound, (number, tamper, at)
        found[tamper.__name__] += 1
    assert len(found) == len(ANYWHERE + BEFORE_AN_ANCHOR)
    assert min(found.values()) > TAMPERS / 30


class TestVerification:
    @pytest.mark.parametrize("length", range(6))
    def test_a_chain_that_nobody_touched_is_sound(self, length: int) -> None:
        links = a_chain(length)
        report = judged(links, anchors=map(anchor, links))
        assert report.sound
        assert (report.records, report.head.sequence, report.anchored) == (length, length, length)

    @pytest.mark.parametrize("tamper", [edit_record, edit_meaning, edit_filing])
    def test_one_edit_is_one_fault_at_its_number(self, tamper: Tamper) -> None:
        report = judged(tamper(a_chain(9), 4, Random(1)))
        assert [(fault.sequence, fault.kind) for fault in report.shown] == [(5, FaultKind.ALTERED)]

    def test_each_of_several_edits_is_found(self) -> None:
        links = a_chain(9)
        for at in (1, 4, 8):
            edit_record(links, at, Random(at))
        assert [fault.sequence for fault in judged(links).shown] == [2, 5, 9]

    def test_what_was_deleted_is_named(self) -> None:
        links = a_chain(9)
        del links[3:5]
        assert [(fault.sequence, fault.kind) for fault in judged(links).shown] == [(4, FaultKind.MISSING)]

    def test_an_end_that_was_cut_off_is_found_by_the_anchor_and_by_nothing_else(self) -> None:
        links = a_chain(9)
        assert judged(links[:6]).sound
        (fault,) = judged(links[:6], anchors=[anchor(links[7])]).shown
        assert (fault.sequence, fault.kind) == (7, FaultKind.CUT_OFF)

    def test_a_chain_written_anew_with_the_true_key_does_not_fit_its_anchors(self) -> None:
        links = a_chain(9)
        (fault,) = judged(rewind(links, 3, Random(1)), anchors=[anchor(links[1]), anchor(links[5])]).shown
        assert (fault.sequence, fault.kind) == (6, FaultKind.NOT_AS_ANCHORED)

    def test_two_anchors_that_contradict_each_other_are_a_fault_whichever_is_true(self) -> None:
        links = a_chain(3)
        false = Anchor(sequence=2, mac="f" * 64)
        for anchors in ([anchor(links[1]), false], [false, anchor(links[1])]):
            assert not judged(links, anchors=anchors).sound

    def test_the_window_after_the_last_anchor_is_known(self) -> None:
        links = a_chain(9)
        report = judged(links, anchors=[anchor(links[1]), anchor(links[5])])
        assert (report.anchors, report.anchored, report.head.sequence) == (2, 6, 9)

    def test_a_broken_chain_keeps_few_faults_and_counts_all(self) -> None:
        links = [replace(link, mac="f" * 64) for link in a_chain(100)]
        report = judged(links)
        assert (report.faults, len(report.shown)) == (100, 20)

    @pytest.mark.parametrize(
        "text", ["", "nothing", "[]", "{}", '{"key":1}', "\x00", "[" * 10_000, '"\\ud800"']
    )
    def test_what_is_no_record_is_a_fault_and_no_crash(self, text: str) -> None:
        links = a_chain(3)
        links[1] = replace(links[1], record=text)
        assert [fault.sequence for fault in judged(links).shown] == [2]


class TestKeys:
    def test_a_chain_goes_on_under_a_new_key(self) -> None:
        before = a_chain(4, key=FORMER)
        after = extended(anchor(before[-1]), [record_of(an_entry(number), KEY) for number in (5, 6)], KEY)
        report = judged(before + after, keys=[KEY, FORMER])
        assert report.sound
        used = {key: (use.first, use.last, use.records) for key, use in report.keys.items()}
        assert used == {FORMER.id: (1, 4, 4), KEY.id: (5, 6, 2)}

    def test_records_of_a_key_that_is_not_given_are_no_good(self) -> None:
        before = a_chain(2, key=FORMER)
        after = extended(anchor(before[-1]), [record_of(an_entry(3), KEY)], KEY)
        report = judged(before + after, keys=[KEY])
        assert [(fault.sequence, fault.kind) for fault in report.shown] == [
            (1, FaultKind.UNKNOWN_KEY),
            (2, FaultKind.UNKNOWN_KEY),
        ]

    def test_its_id_tells_it_from_another(self) -> None:
        assert AuditKey(b"a" * 32).id != AuditKey(b"a" * 31 + b"b").id


class TestParts:
    def test_a_part_is_judged_from_the_mac_before_it(self) -> None:
        links = a_chain(9)
        assert judged(links[3:7], after=anchor(links[2])).sound
        assert judged(links[3:7], after=Anchor(sequence=3, mac="f" * 64)).shown[0].sequence == 4

    def test_anchors_from_before_it_say_nothing_of_it(self) -> None:
        links = a_chain(9)
        report = judged(links[3:7], after=anchor(links[2]), anchors=[anchor(links[0]), anchor(links[4])])
        assert (report.sound, report.anchored) == (True, 5)


class TestCalls:
    def test_an_attempt_without_an_answer_is_told_and_is_no_fault(self) -> None:
        report = judged(a_chain(5))
        assert report.sound
        assert (report.unanswered, report.unanswered_at) == (1, [5])

    def test_an_answer_without_its_attempt_is_counted(self) -> None:
        links = a_chain(5)
        assert judged(links[1:], after=anchor(links[0])).unattempted == 1


class TestRecords:
    @pytest.mark.parametrize(
        "entry",
        [
            an_entry(1),
            an_entry(2, error="timeout", status=None),
            an_entry(3, shape=["string", None, 1, True], checkout_id=None),
            an_entry(4, kind=AuditKind.ACCESSED, operation="é \u2028 \x00"),
        ],
    )
    def test_an_entry_is_read_back_as_it_was(self, entry: object) -> None:
        assert entry_of(record_of(entry, KEY).record) == entry  # type: ignore[arg-type]  # parametrized

    def test_its_text_is_ascii_with_names_in_order_and_nothing_of_the_key(self) -> None:
        text = record_of(an_entry(actor="visitor:é"), KEY).record
        assert text.isascii()
        assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
        assert "a sample key" not in text

    def test_a_shape_that_is_not_json_is_refused(self) -> None:
        with pytest.raises(TypeError):
            record_of(an_entry(shape=object()), KEY)


def test_a_record_of_a_newer_version_is_read_as_far_as_it_is_known() -> None:
    values = json.loads(record_of(an_entry(1), KEY).record)
    entry = entry_of(json.dumps(values | {"kind": "of_tomorrow", "more": 7}))
    assert (entry.kind, entry.call_id) == ("of_tomorrow", an_entry(1).call_id)
