"""The page to sign in on."""

from typing import Any

from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from jobs.api.throttles import sign_in_key
from realtime import throttle
from realtime.conf import settings
from realtime.rates import Rate


class SignInView(LoginView):
    """The form to sign in with. Of tries that fail an address has `TOKEN_RATE`."""

    template_name = "sign_in.html"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Sign in, or say why not."""
        wait_seconds = self._take(counts=False)
        if wait_seconds:
            response = render(request, "429.html", status=429)
            response["Retry-After"] = str(int(wait_seconds) + 1)
            return response
        return super().post(request, *args, **kwargs)

    def form_invalid(self, form: Any) -> HttpResponse:
        """Count the try."""
        self._take(counts=True)
        return super().form_invalid(form)

    def _take(self, *, counts: bool) -> float:
        return throttle.take(sign_in_key(self.request), Rate.parse(settings.token_rate), counts=counts)
