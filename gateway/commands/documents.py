"""Commands for developers of apps: `frontdoor schema`, `frontdoor openapi` and `frontdoor documents …`."""

from pathlib import Path

import click

from gateway.commands.common import clean_errors


@click.command()
def schema() -> None:
    """Print the public GraphQL schema in SDL. Always in UTF-8, since programs read it."""
    from gateway.graphql import print_sdl

    click.echo(print_sdl().encode(), nl=False)


@click.command()
def openapi() -> None:
    """Print the OpenAPI document of the routes beside GraphQL. JSON in UTF-8."""
    from gateway.openapi import openapi_document

    click.echo(openapi_document().encode(), nl=False)


@click.group()
def documents() -> None:
    """Trusted documents: those that your apps were built with."""


@documents.command()
@click.argument("manifest", type=click.Path(path_type=Path))
def check(manifest: Path) -> None:
    """Validate a manifest against the schema and its limits. Exits 0 only if every document would be answered."""
    from gateway.graphql import build_schema
    from gateway.limits import Documents
    from gateway.manifests import faults_of
    from gateway.trusted_documents import ManifestInvalid, read_manifest
    from schema.executable import executable

    with clean_errors(ManifestInvalid):
        texts = read_manifest(manifest)
    documents = Documents(executable(build_schema()), introspection=False, suggestions=False)
    faults = faults_of(texts, documents)
    for name, fault in faults:
        click.echo(f"{name}: {fault}", err=True)
    if faults:
        raise click.ClickException(
            f"{len({name for name, _ in faults})} of {len(texts)} documents would be refused."
        )
    click.echo(f"All {len(texts)} documents would be answered.")
