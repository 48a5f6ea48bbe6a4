"""`/api/auth`: signing in with a name and a password, staying signed in, signing out, and tickets for sockets."""

from contextlib import suppress
from datetime import UTC, datetime

from django.contrib.auth import authenticate
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response

from jobs.api.authentication import CHALLENGE
from jobs.api.base import JobsAPIView
from jobs.api.serializers import CredentialsSerializer, RefreshSerializer
from jobs.api.throttles import TokenThrottle
from jobs.models import iso
from realtime import tokens
from realtime.auth import Identity, issue_ticket
from realtime.errors import SignInExpired, SignInRefused


class OpenView(JobsAPIView):
    """A view for those who have no access token yet."""

    authentication_classes = ()
    permission_classes = ()

    def get_authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401."""
        return CHALLENGE


class TokenView(OpenView):
    """Names and passwords become tokens."""

    throttle_classes = (TokenThrottle,)

    def post(self, request: Request) -> Response:
        """Sign in: an access token, and a refresh token to fetch the next ones with."""
        serializer = CredentialsSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        user = authenticate(request._request, **serializer.validated_data)
        if user is None:
            raise AuthenticationFailed("This name and password do not fit together.", code="bad_credentials")
        return Response(tokens.sign_in(user))


class RefreshView(OpenView):
    """Refresh tokens become access tokens."""

    def post(self, request: Request) -> Response:
        """Return a fresh access token."""
        serializer = RefreshSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            return Response({"access": tokens.renew(serializer.validated_data["refresh"])})
        except SignInExpired:
            raise AuthenticationFailed("The sign-in has expired: sign in again.", code="token_expired") from None
        except SignInRefused:
            raise AuthenticationFailed("The refresh token is not valid any more: sign in again.", code="token_invalid") from None


class LogoutView(OpenView):
    """The end of a sign-in."""

    def post(self, request: Request) -> Response:
        """Sign out: the refresh token and its access tokens are worth nothing any more, and their sockets are closed."""
        serializer = RefreshSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            with suppress(SignInExpired):  # it has ended by itself
                tokens.end_sign_in(serializer.validated_data["refresh"])
        except SignInRefused:
            raise AuthenticationFailed("The refresh token is not valid.", code="token_invalid") from None
        return Response(status=204)


class TicketView(JobsAPIView):
    """Tickets: a page that holds no token signs its socket in with one."""

    def post(self, request: Request) -> Response:
        """Make a ticket: single use, 30 s; the socket lives as long as this session or token."""
        if isinstance(request.auth, Identity):
            ends = datetime.fromtimestamp(request.auth.expires_at / 1000, UTC)
            ticket, expires_at = issue_ticket(request.user, ends, sign_in=request.auth.sign_in)
        else:
            ends = request.session.get_expiry_date()
            ticket, expires_at = issue_ticket(request.user, ends, session_key=request.session.session_key)
        return Response({"ticket": ticket, "expiresAt": iso(expires_at)})
