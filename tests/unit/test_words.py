"""Words that are retired, with what to say instead: none comes back, in names, prose, file names or log events.

One word for one thing, and the field's own: `docs/glossary.md` says what each means.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Retired wherever they stand: in prose, and as a part of any name (`SqlHappeningLog`, `_told_courier`).
WORDS: Mapping[str, str] = {
    "aftercare": "follow-up",
    "courier": "event dispatcher",
    "couriers": "event dispatchers",
    "doorman": "outbound address policy",
    "enrol": "register",
    "enrolled": "registered",
    "happenings": "domain events",
    "lookout": "change poller",
    "poke": "change hint",
    "poked": "notified",
    "pokes": "change signals",
    "refresher": "resource synchronizer",
}

# Retired as a part of a name; in prose these are English.
PARTS: Mapping[str, str] = {
    "glance": "check_early",
    "happening": "domain event",
    "oversight": "operations",
    "rung": "changed_topics",
    "tether": "parent_watchdog",
    "trials": "attempts",
}

# Retired as a whole name, leading underscores aside.
NAMES: Mapping[str, str] = {
    "AlertNotTold": "AlertDeliveryFailed",
    "Attention": "AttentionReason",
    "BoundedPromotions": "AttemptLimitedPromotions",
    "ClientNames": "NetworkPseudonyms",
    "CountedTrial": "RateCountedAttempt",
    "CountedTrials": "RateAttemptLimiter",
    "EndpointDesk": "EndpointAdmin",
    "EventKind": "HistoryKind",
    "Grounds": "SendFactsReader",
    "HealthieWatched": "HealthieResourceReader",
    "Kept": "ObjectCache",
    "KeptCatalog": "CachedCatalog",
    "KeptInbox": "StoredInbox",
    "LATE_MOVES": "LATE_TRANSITIONS",
    "LateTruth": "LateReconciler",
    "Letter": "EventDelivery",
    "Letters": "EventDeliveries",
    "MOVES": "TRANSITIONS",
    "Meaning": "ObservedChange",
    "NotTold": "DeliveryFailed",
    "OPERATOR_MOVES": "OPERATOR_TRANSITIONS",
    "OpenCatalog": "BookableCatalog",
    "OperatorDesk": "OperatorActions",
    "OwnCheckouts": "CheckoutAccess",
    "OwnShelf": "LocalCatalogCache",
    "Places": "SubscriptionQuota",
    "ProvedCatalog": "KeyProvedCatalog",
    "Recording": "CheckoutWriter",
    "RedisShelf": "RedisCatalogCache",
    "RefusedSenders": "BlockedSenders",
    "RememberedBlocks": "CachedBlocks",
    "RememberedTokens": "CachedTokens",
    "Rhythm": "DeliveryStats",
    "Runs": "DailyJobs",
    "Sharing": "SharedReads",
    "Shelf": "CatalogCache",
    "SilenceWatch": "WebhookLiveness",
    "SqlGrounds": "SqlSendFactsReader",
    "SqlLetters": "SqlEventDeliveries",
    "SqlMarks": "SqlPendingRefreshes",
    "SqlRuns": "SqlDailyJobs",
    "SqlStory": "SqlCheckoutHistory",
    "Story": "CheckoutHistory",
    "Telling": "EventDispatch",
    "TellingUnit": "UnitOfWork",
    "TellingUnits": "UnitOfWorkFactory",
    "Together": "GroupCommit",
    "TooMuchWatched": "SubscriptionLimitReached",
    "Trials": "AttemptLimiter",
    "TrialsAlarm": "AttemptsAlarm",
    "Turns": "ParseQueue",
    "Verdict": "VerificationReport",
    "WatchUnit": "UnitOfWork",
    "WatchUnits": "UnitOfWorkFactory",
    "Watched": "ResourceReader",
    "Watching": "LiveQueries",
    "WatchesTooMuch": "CallerLimitReached",
    "audit_verdict": "verification",
    "checkout_row": "checkout.model",
    "connect_trials": "connect_attempt_limits",
    "forgive": "uncount",
    "given_up": "escalate",
    "kept_catalog": "cached",
    "looked_enough": "checked_enough",
    "meanings": "diff",
    "next_look": "next_check",
    "own_checkouts": "access",
    "put_off": "defer",
    "reap_letters": "reap_deliveries",
    "refused_senders": "blocked_senders",
    "saga_table": "transitions",
    "see_after": "follow_up",
    "silence_watch": "webhook_liveness",
    "story_of": "history_of",
    "unless_there": "insert_or_ignore",
}

# What log events begin with.
SUBJECTS: Mapping[str, str] = {
    "clients": "networks",
    "lookout": "change_poller",
    "pokes": "change_signals",
    "telling": "events",
    "trials": "attempts",
    "watch": "sync",
    "watched": "live_query",
}

# What was released under the old words, and stays as it was; and this table.
EXEMPT = (
    "CHANGELOG.md",
    "booking/handlers.py",  # these two answer to the old words, for one release
    "booking/happenings.py",
    "docs/adr/",  # what was decided, in the words of its day
    "integrations/database/migrations/versions/",
    "integrations/healthie/generated/",
    "tests/data/",
    "tests/unit/test_plugin_surface.py",
    "tests/unit/test_words.py",
)
# Texts that were released and stand where others rely on them.
RELEASED = (
    "booking.happenings",  # the deprecated module, where it is said that it is
    "{prefix}pokes",  # the Redis channel: during an upgrade processes of both versions are on it
)
FOLDERS = (
    "benchmarks",
    "booking",
    "docs",
    "examples",
    "gateway",
    "integrations",
    "resolvers",
    "schema",
    "tests",
    "tools",
)

_PARTS = {**WORDS, **PARTS}
# Most files have none of them, and need no second look.
_ANY = re.compile(
    "|".join(
        [
            f"(?i:{'|'.join(_PARTS)})",
            rf"(?<![A-Za-z0-9])(?:{'|'.join(NAMES)})\b",
            rf"[\"'](?:{'|'.join(SUBJECTS)})\.",
        ]
    )
)
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[A-Z]")
_WORD = re.compile(r"(?<![\w-])[A-Za-z]+(?![\w])")
_NAME = re.compile(r"(?<!\w)[A-Za-z_]\w*(?!\w)")
_LOG_EVENT = re.compile(r"[a-z][a-z_]*(\.[a-z][a-z_]*)+")
_LOGS = frozenset({"debug", "info", "warning", "error", "exception", "critical"})


@dataclass(frozen=True)
class Found:
    """A retired word, and where it stands."""

    path: str
    line: int
    word: str
    instead: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.word!r} is retired: say {self.instead}"


def test_no_retired_word_is_used() -> None:
    found = [str(one) for path in _files() for one in _in_file(path)]
    assert not found, "\n" + "\n".join(found)


def _files() -> Iterator[Path]:
    listed = [ROOT / "README.md", ROOT / "SECURITY.md"]
    listed += [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*")) if path.is_file()]
    for path in listed:
        if path.suffix in (".py", ".md") and not path.relative_to(ROOT).as_posix().startswith(EXEMPT):
            yield path


def _in_file(path: Path) -> Iterator[Found]:
    name = path.relative_to(ROOT).as_posix()
    yield from (Found(name, 1, word, instead) for word, instead in retired_in_path(name))
    text = path.read_text(encoding="utf-8")
    if _ANY.search(text) is None:
        return
    used = retired_in_code(text) if path.suffix == ".py" else retired_in_page(text)
    yield from (Found(name, line, word, instead) for line, word, instead in used)


def retired_in_path(path: str) -> Iterator[tuple[str, str]]:
    """The retired words of a file's name and folders."""
    for part in Path(path).with_suffix("").parts:
        yield from retired_in_name(part.removeprefix("test_"))


def retired_in_code(text: str) -> Iterator[tuple[int, str, str]]:
    """The retired words of a module, each with its line: of its names, its comments and strings, and its log events."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        line = token.start[0]
        if token.type == tokenize.NAME:
            yield from ((line, *one) for one in retired_in_name(token.string))
        elif token.type in (tokenize.COMMENT, tokenize.STRING):
            yield from ((line + offset, *one) for offset, one in _in_lines(token.string))
    yield from _in_log_events(ast.parse(text))


def retired_in_page(text: str) -> Iterator[tuple[int, str, str]]:
    """The retired words of a page, each with its line; names stand in it as they do in code."""
    yield from ((number + 1, *one) for number, one in _in_lines(text))


def _in_lines(text: str) -> Iterator[tuple[int, tuple[str, str]]]:
    for number, line in enumerate(text.split("\n")):
        yield from ((number, one) for one in retired_in_prose(line))


@cache
def retired_in_prose(line: str) -> tuple[tuple[str, str], ...]:
    """The retired words of a line, and the retired names that it tells of, as `names of more than one word`."""
    for text in RELEASED:
        line = line.replace(text, "")
    words = [(word, WORDS[word.lower()]) for word in _WORD.findall(line) if word.lower() in WORDS]
    names = [one for name in _NAME.findall(line) if _is_a_name(name) for one in retired_in_name(name)]
    return tuple(dict.fromkeys(words + names))


def _is_a_name(word: str) -> bool:
    """Whether it can be no word of a sentence."""
    return "_" in word.strip("_") or any(letter.isupper() for letter in word[1:])


@cache
def retired_in_name(name: str) -> tuple[tuple[str, str], ...]:
    """The retired words of one name, or the name itself."""
    bare = name.strip("_")
    if bare in NAMES:
        return ((bare, NAMES[bare]),)
    parts = [part.lower() for part in _PART.findall(bare)]
    return tuple((name, _PARTS[part]) for part in parts if part in _PARTS)


def _in_log_events(module: ast.Module) -> Iterator[tuple[int, str, str]]:
    for node in ast.walk(module):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
            continue
        event = node.args[0]
        if (
            node.func.attr in _LOGS
            and isinstance(event, ast.Constant)
            and _LOG_EVENT.fullmatch(str(event.value))
        ):
            subject = str(event.value).partition(".")[0]
            if subject in SUBJECTS:
                yield event.lineno, str(event.value), f"{SUBJECTS[subject]}.…"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("courier = Courier()", "event dispatcher"),
        ("def test_the_told_courier(): ...", "event dispatcher"),
        ("class SqlHappeningLog: ...", "domain event"),
        ("x = [NotTold]", "DeliveryFailed"),
        ("await self._aftercare.see_after(row)", "follow_up"),
        ("from booking.saga_table import MOVES", "TRANSITIONS"),
        ("'''A delivery is only a poke.'''", "change hint"),
        ("# told in checkout_row.py", "checkout.model"),
        ("log.info('telling.told', subscriber=1)", "events.…"),
    ],
)
def test_a_retired_word_is_found_in_code(source: str, said: str) -> None:
    assert said in [instead for _, _, instead in retired_in_code(source)]


@pytest.mark.parametrize(
    "source",
    [
        "# what is happening here, at a glance",
        "'''Letters and digits; the verdict of a bank; a story; turns and places.'''",
        "spoken = lookouts_of = moves = 1",
        "log.info('checkout.moved', checkout=1)",
    ],
)
def test_english_is_not_retired(source: str) -> None:
    assert list(retired_in_code(source)) == []


def test_a_retired_word_is_found_in_pages_and_file_names_and_the_message_says_what_to_say() -> None:
    assert list(retired_in_page("one\nAsk the `SilenceWatch`, or the lookout.")) == [
        (2, "lookout", "change poller"),
        (2, "SilenceWatch", "WebhookLiveness"),
    ]
    assert list(retired_in_path("tests/unit/test_booking_lookout.py")) == [
        ("booking_lookout", "change poller")
    ]
    assert (
        str(Found("a.py", 7, "Courier", "EventDispatcher"))
        == "a.py:7: 'Courier' is retired: say EventDispatcher"
    )


def test_what_is_to_be_said_is_there() -> None:
    modules = [path for path in _files() if path.suffix == ".py" and "tests" not in path.parts]
    used = {name for path in modules for name in _NAME.findall(path.read_text(encoding="utf-8"))}
    said = {name for instead in NAMES.values() for name in instead.split(".")}
    assert {name for name in said if name not in used and f"_{name}" not in used} == set()


def test_nothing_is_said_instead_that_is_retired_itself() -> None:
    said = [*WORDS.values(), *PARTS.values(), *NAMES.values(), *SUBJECTS.values()]
    assert [one for each in said for name in re.split(r"[ .-]", each) for one in retired_in_name(name)] == []
