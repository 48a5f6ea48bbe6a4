"""Requests to the API, in this process."""

from typing import Any

from django.test import Client

from tests.shapes import checked_answer
from tests.tokens import token_of


class Api:
    """Requests in the name of a user, of the holder of a token, or of nobody."""

    def __init__(self, user: Any = None, *, token: str = "", **headers: str) -> None:
        self._client = Client(enforce_csrf_checks=True, raise_request_exception=False)
        self._headers = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
        if user or token:
            self._headers["HTTP_AUTHORIZATION"] = f"Bearer {token or token_of(user)}"
        self.answer: Any = None
        """The last answer, with its headers."""

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        options: dict[str, Any] = dict(self._headers)
        if body is not None:
            options |= {"data": body, "content_type": "application/json"}
        response = self.answer = getattr(self._client, method.lower())(path, **options)
        if response.status_code >= 400:
            assert response["Content-Type"] == "application/problem+json", response.content[:200]
        return response.status_code, checked_answer(response.status_code, response.json()) if response.content else None
