"""A client for programs: `from jobs.client import JobsClient`, or AsyncJobsClient. Imports no Django.

`jobs.client.types` has the shapes of what it returns.
"""

from jobs.client.blocking import JobsClient
from jobs.client.client import AsyncJobsClient, Sight
from jobs.client.errors import ClientError, ConnectionEnded, JobsError, ServerUnreachable, SignedOut

__all__ = [
    "AsyncJobsClient",
    "ClientError",
    "ConnectionEnded",
    "JobsClient",
    "JobsError",
    "ServerUnreachable",
    "Sight",
    "SignedOut",
]
