"""The API as OpenAPI: every operation told in one table, the shapes from the schemas of the wire."""

import re
from dataclasses import dataclass, field
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework.serializers import Serializer

from jobs.api import serializers, worker_serializers
from jobs.api.filters import JobFiltersSerializer
from jobs.api.pages import LARGEST_PAGE, ORDERINGS, PAGE_SIZE
from jobs.api.problems import MEDIA_TYPE
from jobs.schemas import definitions

SCHEMAS = "#/components/schemas/"
EVENT_STREAM = "text/event-stream"
PROBLEMS = {
    400: "The body, the query or a field is not right; `errors` says which.",
    401: "Nobody is signed in, or the token is not valid any more.",
    403: "This token is not for this, or you may only watch this job.",
    404: "There is none that you may see.",
    409: "The state of the job does not allow it; `code` and `state` say why.",
    410: "The event log does not reach back that far: read the job.",
    413: "The body is too large.",
    429: "Too many requests: `Retry-After` says when to come back.",
    503: "Something that is needed does not answer: try again.",
}


@dataclass(frozen=True, kw_only=True)
class Told:
    """What is told of an operation."""

    id: str
    tag: str
    answers: dict[int, str | None]
    """The name of a definition by status; None where there is no body."""
    problems: tuple[int, ...] = ()
    body: type[Serializer[Any]] | str | None = None
    """A serializer, or the name of a definition."""
    example: Any = None
    optional_body: bool = False
    parameters: list[Any] = field(default_factory=list)


def _query(name: str, kind: Any, description: str, **more: Any) -> OpenApiParameter:
    return OpenApiParameter(name, kind, OpenApiParameter.QUERY, description=description, **more)


LIST = [
    JobFiltersSerializer,
    _query("ordering", str, "Newest first unless given.", enum=[f"{sign}{name}" for name in ORDERINGS for sign in ("", "-")]),
    _query("cursor", str, "As `next` and `previous` of a page have it."),
    _query("pageSize", {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": PAGE_SIZE}, "Summaries a page."),
]
EVENTS = [
    _query("after", {"type": "string"}, "The position after which the events are wanted; 0-0 for all."),
    OpenApiParameter("Last-Event-ID", str, OpenApiParameter.HEADER, description="Of a stream: the position that the reader has."),
]
NEW_JOB = {"type": "search", "query": "context managers", "jobId": "j1"}
TEXT = {"seq": 3, "type": "text", "data": {"offset": 0, "text": "to: 2\n"}}
REPORT = {"attempt": 1, "events": [{"seq": 2, "type": "progress", "data": {"progress": 50, "step": "Counting"}}, TEXT]}
ERROR = {"code": "no_pages", "message": "The site has no pages.", "detail": "Traceback …"}
JOB, WORKER = "/jobs/{job_id}", "/worker/jobs/{job_id}"
W, S = worker_serializers, serializers

OPERATIONS = {
    ("POST", "/auth/token"): Told(
        id="signIn", tag="auth", body=S.CredentialsSerializer, answers={200: "TokenPair"}, problems=(400, 401, 429),
        example={"username": "ann", "password": "a long password"},
    ),
    ("POST", "/auth/refresh"): Told(
        id="refresh", tag="auth", body=S.RefreshSerializer, answers={200: "AccessToken"}, problems=(400, 401, 429),
        example={"refresh": "eyJ…"},
    ),
    ("POST", "/auth/logout"): Told(
        id="signOut", tag="auth", body=S.RefreshSerializer, answers={204: None}, problems=(400, 401), example={"refresh": "eyJ…"}
    ),
    ("POST", "/auth/ticket"): Told(id="createTicket", tag="auth", answers={200: "Ticket"}, problems=(401, 403)),
    ("POST", "/jobs"): Told(
        id="createJob", tag="jobs", body=S.NewJobSerializer, answers={201: "Job", 200: "Job"}, problems=(400, 401, 403, 409, 413, 429),
        example=NEW_JOB,
    ),
    ("GET", "/jobs"): Told(id="listJobs", tag="jobs", answers={200: "JobPage"}, problems=(400, 401, 403), parameters=LIST),
    ("GET", JOB): Told(id="readJob", tag="jobs", answers={200: "Job"}, problems=(401, 403, 404)),
    ("PATCH", JOB): Told(
        id="changeJob", tag="jobs", body=S.JobChangesSerializer, answers={200: "Job"}, problems=(400, 401, 403, 404, 409),
        example={"priority": 5},
    ),
    ("DELETE", JOB): Told(id="deleteJob", tag="jobs", answers={204: None}, problems=(401, 403, 404, 409)),
    ("GET", f"{JOB}/events"): Told(
        id="readEvents", tag="jobs", answers={200: "EventList", 204: None}, problems=(400, 401, 404, 410, 503), parameters=EVENTS
    ),
    ("GET", f"{JOB}/transitions"): Told(id="readTransitions", tag="jobs", answers={200: "Transitions"}, problems=(401, 403, 404)),
    ("POST", f"{JOB}/share"): Told(
        id="shareJob", tag="jobs", body=S.ShareSerializer, answers={200: "Share"}, problems=(400, 401, 403, 404), optional_body=True,
        example={"expiresInSeconds": 3600},
    ),
    ("DELETE", f"{JOB}/share"): Told(id="takeBackShares", tag="jobs", answers={204: None}, problems=(401, 403, 404)),
    **{
        ("POST", f"{JOB}/{action}"): Told(
            id=f"{action}Job", tag="jobs", body=S.CommandSerializer, answers={200: "Job"}, problems=(400, 401, 403, 404, 409),
            optional_body=True, example={"ifAttempt": 1},
        )
        for action in ("cancel", "pause", "resume", "retry")
    },
    ("POST", "/worker/claim"): Told(
        id="claimJobs", tag="worker", body=W.ClaimSerializer, answers={200: "Claimed"}, problems=(400, 401, 403),
        example={"types": ["words"], "limit": 1, "waitSeconds": 20},
    ),
    ("POST", "/worker/heartbeat"): Told(
        id="heartbeat", tag="worker", body=W.HeartbeatSerializer, answers={200: "Held"}, problems=(400, 401, 403),
        example={"jobs": [{"jobId": "j1", "attempt": 1}]},
    ),
    ("POST", f"{WORKER}/events"): Told(
        id="reportEvents", tag="worker", body="Report", answers={200: "Accepted"}, problems=(400, 401, 403, 409), example=REPORT
    ),
    ("POST", f"{WORKER}/checkpoint"): Told(
        id="saveCheckpoint", tag="worker", body=W.CheckpointSerializer, answers={200: "Accepted"}, problems=(400, 401, 403, 409),
        example={"attempt": 1, "seq": 3, "data": {"next": 1}},
    ),
    ("POST", f"{WORKER}/complete"): Told(
        id="completeRun", tag="worker", body=W.CompleteSerializer, answers={200: "Ended"}, problems=(400, 401, 403, 409, 413),
        example={"attempt": 1, "seq": 3, "result": {"words": 2}},
    ),
    ("POST", f"{WORKER}/fail"): Told(
        id="failRun", tag="worker", body=W.FailSerializer, answers={200: "Ended"}, problems=(400, 401, 403, 409),
        example={"attempt": 1, "seq": 3, "error": ERROR, "retry": True},
    ),
    ("POST", f"{WORKER}/release"): Told(
        id="releaseRun", tag="worker", body=W.ReleaseSerializer, answers={200: "Ended"}, problems=(400, 401, 403, 409),
        example={"attempt": 1, "seq": 3},
    ),
}  # fmt: skip


def key_of(method: str, path: str) -> tuple[str, str]:
    """Return the key of an operation, wherever the routes of the API are."""
    found = re.search(r"/(?:auth|jobs|worker)(?:/.*)?$", path)
    return method, found[0] if found else path


class JobsSchema(AutoSchema):
    """Tells of an operation what the table has."""

    @property
    def _told(self) -> Told:
        return OPERATIONS[key_of(self.method, self.path)]

    def is_excluded(self) -> bool:
        """Leave out second names of a route."""
        return key_of(self.method, self.path) not in OPERATIONS

    def _is_list_view(self, serializer: Any = None) -> bool:
        """Tell of no answer as a list: the table has pages as they are."""
        return False

    def get_operation_id(self) -> str:
        """Return the name that clients are generated with."""
        return self._told.id

    def get_tags(self) -> list[str]:
        """Return the group it stands in."""
        return [self._told.tag]

    def get_summary(self) -> str | None:
        """Return the first sentence of the view's docstring."""
        return self.get_description().partition("\n")[0] or None

    def get_request_serializer(self) -> Any:
        """Return what the body is."""
        body = self._told.body
        return {"application/json": {"$ref": SCHEMAS + body}} if isinstance(body, str) else body

    def get_response_serializers(self) -> Any:
        """Return what the answers are: one that is told, or a problem."""
        told = self._told
        answers: dict[Any, Any] = {
            status: OpenApiResponse({"$ref": SCHEMAS + name} if name else None, description="Done." if name is None else "")
            for status, name in told.answers.items()
        }
        problem = {"$ref": SCHEMAS + "Problem"}
        answers |= {(status, MEDIA_TYPE): OpenApiResponse(problem, description=PROBLEMS[status]) for status in told.problems}
        if told.id == "readEvents":
            answers[200, EVENT_STREAM] = OpenApiResponse({"type": "string"}, description="The events, or all that comes, as a stream.")
        return {**answers, ("default", MEDIA_TYPE): OpenApiResponse(problem, description="What else may go wrong.")}

    def get_override_parameters(self) -> list[Any]:
        """Return the parameters, the id of the job among them."""
        if "{job_id}" not in self.path:
            return self._told.parameters
        schema = {"type": "string", "pattern": definitions()["JobId"]["pattern"], "maxLength": 64}
        return [OpenApiParameter("job_id", schema, OpenApiParameter.PATH, description="The job's id."), *self._told.parameters]

    def get_examples(self) -> list[OpenApiExample]:
        """Return a body to begin with."""
        example = self._told.example
        return [] if example is None else [OpenApiExample("a body", value=example, request_only=True)]

    def _get_request_body(self, direction: Any = "request") -> Any:
        body = super()._get_request_body(direction)  # type: ignore[no-untyped-call]  # as below
        if body and not self._told.optional_body:
            body["required"] = True
        return body


class AccessTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # the library has no types there
    """How people and programs sign in."""

    target_class = "jobs.api.authentication.AccessTokenAuthentication"
    name = "access"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """Return the scheme."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "An access token, or for reading a share token."}


class WorkerTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # as above
    """How remote workers sign in."""

    target_class = "jobs.api.worker_authentication.WorkerTokenAuthentication"
    name = "worker"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """Return the scheme."""
        return {"type": "http", "scheme": "bearer", "description": "A token that `manage.py worker_token` made."}


class ServiceTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # as above
    """How programs of the host sign in."""

    target_class = "jobs.api.service_authentication.ServiceTokenAuthentication"
    name = "service"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """Return the scheme."""
        told = "A token that `manage.py service_token` made, with the header `On-Behalf-Of: <user name>`."
        return {"type": "http", "scheme": "bearer", "description": told}


def with_shapes(result: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Add the shapes of the wire to the document."""
    shapes = definitions("job", "events", "rest", refs=SCHEMAS)
    result["components"]["schemas"] = dict(sorted({**shapes, **result["components"].get("schemas", {})}.items()))
    return result
