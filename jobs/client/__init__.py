"""A client for programs: `from jobs.client import AsyncJobsClient`. Imports no Django."""

from jobs.client.client import AsyncJobsClient, Sight
from jobs.client.errors import ClientError, ConnectionEnded, JobsError, ServerUnreachable, SignedOut

__all__ = ["AsyncJobsClient", "ClientError", "ConnectionEnded", "JobsError", "ServerUnreachable", "Sight", "SignedOut"]
