"""What `manage.py check` finds wrong with the settings of a project."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.checks import CheckMessage
from django.test import override_settings

from jobs.checks import check_relations, check_time_zones
from jobs.conf import settings
from realtime.checks import check_layer
from realtime.conf import settings as realtime_settings


def ids(check: Callable[[], list[CheckMessage]]) -> list[str | None]:
    return [message.id for message in check()]


def test_this_project_is_well() -> None:
    assert check_layer() + check_relations() + check_time_zones() == []


@pytest.mark.parametrize(
    ("layer", "found"),
    [
        ({}, ["realtime.E001"]),
        ({"BACKEND": "channels.layers.InMemoryChannelLayer"}, ["realtime.E001"]),
        ({"BACKEND": "channels_redis.core.RedisChannelLayer"}, ["realtime.E001"]),
        ({"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": ["redis://elsewhere"]}}, ["realtime.W001"]),
    ],
)
def test_a_channel_layer_that_would_stay_silent(layer: dict[str, Any], found: list[str]) -> None:
    with override_settings(CHANNEL_LAYERS={"default": layer} if layer else {}):
        assert ids(check_layer) == found


def test_local_times() -> None:
    with override_settings(USE_TZ=False):
        assert ids(check_time_zones) == ["jobs.E001"]


def test_times_and_lengths_that_do_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.__dict__, "flush_seconds", settings.lease_seconds / 2)
    monkeypatch.setitem(realtime_settings.__dict__, "event_log_length", settings.unflushed_limit)

    assert ids(check_relations) == ["jobs.W001", "jobs.W002"]
