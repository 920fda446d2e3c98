"""A process that writes to the audit trail: `python -m tests.integration.audit_writer URL ENTRIES`."""

import asyncio
import sys

from integrations.database.audit import SqlAuditTrail
from integrations.database.engine import connect_database
from tests.doubles.audit_samples import KEY, an_entry


async def write(url: str, entries: int) -> None:
    """Write half of them at once, and the other half one by one."""
    engine = connect_database(url)
    trail = SqlAuditTrail(engine=engine, key=KEY)
    await asyncio.gather(*(trail.record(an_entry(number)) for number in range(1, entries // 2 + 1)))
    for number in range(1, entries // 2 + 1):
        await trail.record(an_entry(number))
    await trail.aclose()
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1], int(sys.argv[2])))
