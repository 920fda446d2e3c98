"""Documents by name: which names there are, and what a manifest must hold."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gateway.command_line import main
from gateway.settings.api import TrustedDocumentsMode
from gateway.trusted_documents import (
    DocumentNamedWrongly,
    DocumentNotFound,
    DocumentNotTrusted,
    ManifestInvalid,
    TrustedDocuments,
    load_manifest,
    named_in,
    sha_256,
)

PLANS = "query Plans { plans { totalCount } }"
OTHER = "query Other { visitTypes { id } }"
DIGEST = sha_256(PLANS)


def manifest(directory: Path, content: Any) -> Path:
    path = directory / "persisted-documents.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def trusted(directory: Path, mode: TrustedDocumentsMode = TrustedDocumentsMode.REQUIRE) -> TrustedDocuments:
    """By the name that Relay gives a document, and by that of GraphQL Code Generator."""
    return load_manifest(manifest(directory, {"relay-md5-of-plans": PLANS, sha_256(OTHER): OTHER}), mode)


@pytest.mark.parametrize(
    "request_",
    [
        {"documentId": f"sha256:{DIGEST}"},
        {"documentId": DIGEST},
        {"documentId": "relay-md5-of-plans"},
        {"id": "relay-md5-of-plans"},
        {"doc_id": "relay-md5-of-plans"},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": DIGEST}}},
        {"extensions": {"documentId": f"sha256:{DIGEST}"}},
        {"documentId": DIGEST, "extensions": {"persistedQuery": {"version": 1, "sha256Hash": DIGEST}}},
        {"documentId": DIGEST, "query": PLANS},
        {"query": PLANS},
    ],
)
def test_a_document_has_all_of_its_names(tmp_path: Path, request_: dict[str, Any]) -> None:
    assert trusted(tmp_path).text_of(request_.get("query"), named_in(request_) or {}) == PLANS


@pytest.mark.parametrize(
    ("query", "extensions", "refusal"),
    [
        (None, {"documentId": "sha256:" + "0" * 64}, DocumentNotFound),
        ("", {"documentId": "unknown"}, DocumentNotFound),
        (None, {"documentId": 7}, DocumentNamedWrongly),
        (None, {"documentId": [DIGEST]}, DocumentNamedWrongly),
        (None, {"documentId": DIGEST, "id": "another"}, DocumentNamedWrongly),
        (OTHER, {"documentId": DIGEST}, DocumentNamedWrongly),
        ("{ me { id } }", {}, DocumentNotTrusted),
        ("{ me { id } }", {"documentId": sha_256("{ me { id } }")}, DocumentNotTrusted),
        ("{ me { id } }", {"documentId": "x"}, DocumentNotFound),
    ],
)
def test_nothing_but_the_manifest_is_trusted(
    tmp_path: Path, query: str | None, extensions: dict[str, Any], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        trusted(tmp_path).text_of(query, extensions)


def test_where_it_is_allowed_other_texts_are_answered_too(tmp_path: Path) -> None:
    ours = trusted(tmp_path, TrustedDocumentsMode.ALLOW)
    assert ours.text_of("{ me { id } }", {}) == "{ me { id } }"
    assert ours.text_of(None, {"documentId": DIGEST}) == PLANS


def test_without_a_manifest_names_beside_a_text_mean_nothing() -> None:
    assert TrustedDocuments().text_of(PLANS, {"id": "of the client's own"}) == PLANS
    with pytest.raises(DocumentNotFound):
        TrustedDocuments().text_of(None, {"documentId": DIGEST})


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{",
        '{"a": 7}',
        '{"a": ""}',
        '{"a": {"text": "x"}}',
        {DIGEST: OTHER},
        {f"sha256:{DIGEST}": OTHER},
    ],
)
def test_a_file_that_is_no_manifest_is_refused_at_start(tmp_path: Path, content: Any) -> None:
    with pytest.raises(ManifestInvalid):
        load_manifest(manifest(tmp_path, content), TrustedDocumentsMode.ALLOW)


def test_a_missing_file_is_refused_at_start(tmp_path: Path) -> None:
    with pytest.raises(ManifestInvalid):
        load_manifest(tmp_path / "none.json", TrustedDocumentsMode.REQUIRE)


def test_a_gateway_does_not_start_without_its_manifest(tmp_path: Path) -> None:
    environment = {
        "FRONTDOOR_SECRET_KEY": "synthetic-secret-of-sufficient-length-0123456789",
        "FRONTDOOR_ENVIRONMENT": "development",
        "FRONTDOOR_HEALTHIE_URL": "https://healthie.example.invalid/graphql",
        "FRONTDOOR_HEALTHIE_ORGANIZATION_KEY": "synthetic-organization-key",
        "FRONTDOOR_DATABASE_URL": f"sqlite:///{tmp_path / 'frontdoor.sqlite3'}",
        "FRONTDOOR_TRUSTED_DOCUMENTS": str(tmp_path / "none.json"),
    }
    result = CliRunner().invoke(main, ["serve"], env=environment)
    assert result.exit_code == 1
    assert "none.json cannot be read" in result.output


class TestCheck:
    """`frontdoor documents check`."""

    def run(self, path: Path) -> tuple[int, str]:
        result = CliRunner().invoke(main, ["documents", "check", str(path)])
        return result.exit_code, result.output

    def test_passes_a_manifest_whose_documents_would_be_answered(self, tmp_path: Path) -> None:
        page = "query ($n: Int!) { plans(first: $n) { nodes { id } } }"
        assert self.run(manifest(tmp_path, {DIGEST: PLANS, "page": page})) == (
            0,
            "All 2 documents would be answered.\n",
        )

    def test_names_each_document_that_would_be_refused_and_why(self, tmp_path: Path) -> None:
        page = "{ nodes { id name price { amount } visits { visitType { name minutes } } } }"
        faulty = {
            "good": PLANS,
            "syntax": "query {",
            "unknown": "{ nothing }",
            "costly": "query ($n: Int!) {"
            + " ".join(f"a{n}: plans(first: $n) {page}" for n in range(10))
            + "}",
            "empty": "fragment F on Plan { id }",
        }
        code, output = self.run(manifest(tmp_path, faulty))
        assert code == 1
        for name, words in (
            ("syntax", "Syntax Error"),
            ("unknown", "Cannot query field"),
            ("costly", "cost more than 20,000"),
            ("empty", "never used"),
        ):
            assert any(line.startswith(f"{name}: ") and words in line for line in output.splitlines())
        assert "4 of 5 documents would be refused." in output

    def test_fails_on_a_file_that_is_no_manifest(self, tmp_path: Path) -> None:
        assert self.run(tmp_path / "none.json")[0] == 1
