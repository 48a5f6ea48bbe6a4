"""What every view of the API is, whatever `REST_FRAMEWORK` says in the project that it is part of."""

from collections.abc import Callable, Sequence
from typing import Any

from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.parsers import BaseParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from jobs.api.authentication import AccessTokenAuthentication
from jobs.api.parsers import StrictJSONParser
from jobs.api.permissions import NoMoreThanShared
from jobs.api.problems import exception_handler
from jobs.api.schema import JobsSchema
from jobs.api.throttles import ApiThrottle


class JobsAPIView(APIView):
    """Signed in by an access token, a share token or a session; JSON through the strict gate in, JSON out, errors as problems."""

    authentication_classes: Sequence[type[BaseAuthentication]] = (AccessTokenAuthentication, SessionAuthentication)
    permission_classes: Sequence[Any] = (IsAuthenticated, NoMoreThanShared)
    throttle_classes: Sequence[type[BaseThrottle]] = (ApiThrottle,)
    parser_classes: Sequence[type[BaseParser]] = (StrictJSONParser,)
    renderer_classes = (JSONRenderer,)
    versioning_class = None
    schema = JobsSchema()

    def get_exception_handler(self) -> Callable[..., Any]:
        """Return the handler that turns errors into problems."""
        return exception_handler
