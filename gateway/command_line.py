"""The command line, `frontdoor COMMAND`. Each command imports what it needs when it runs, so that none slows the others down."""

import sys
from io import TextIOWrapper

import click

from gateway.commands.audit import audit
from gateway.commands.checkouts import checkouts
from gateway.commands.clinicians import clinicians
from gateway.commands.development import demo, dev, token
from gateway.commands.documents import documents, openapi, schema
from gateway.commands.endpoints import endpoints
from gateway.commands.handlers import handlers
from gateway.commands.policy import policy
from gateway.commands.processes import emulator, migrate, serve, worker
from gateway.commands.rehearse import rehearse
from gateway.commands.upstream import upstream
from gateway.commands.webhooks import webhooks
from gateway.runtime.zone_rules import zone_rules_of_process


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="frontdoor", message="frontdoor %(version)s")
def main() -> None:
    """Frontdoor: the patient-side gateway for practices that run on Healthie."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # Escape what the terminal's encoding lacks (`\\u201c`): it must not end a command.
            stream.reconfigure(errors="backslashreplace")
    zone_rules_of_process()


for command in (
    audit,
    checkouts,
    clinicians,
    demo,
    dev,
    documents,
    emulator,
    endpoints,
    handlers,
    migrate,
    openapi,
    policy,
    rehearse,
    schema,
    serve,
    token,
    upstream,
    webhooks,
    worker,
):
    main.add_command(command)

if __name__ == "__main__":
    main()
