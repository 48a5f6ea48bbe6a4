"""What Django is to find out before anything starts: a channel layer that the hub cannot hear through."""

from typing import Any

from django.conf import settings as django_settings
from django.core import checks
from django.utils.module_loading import import_string

from realtime.conf import settings
from realtime.redis_address import RedisAddress

OWN_LAYER = "realtime.raw_layer.RawPubSubChannelLayer"
STOCK_LAYER = "channels_redis.pubsub.RedisPubSubChannelLayer"
SEE = "see docs/troubleshooting.md#redis-connection-failed"


def check_layer(**options: Any) -> list[checks.CheckMessage]:
    """Tell whether what is published can arrive: through a pub/sub layer, at the Redis that is published to."""
    layer = getattr(django_settings, "CHANNEL_LAYERS", {}).get("default", {})
    backend = layer.get("BACKEND", "")
    if backend not in (OWN_LAYER, STOCK_LAYER) and not (backend and issubclass(import_string(backend), import_string(STOCK_LAYER))):
        hint = f'CHANNEL_LAYERS = {{"default": {{"BACKEND": "{OWN_LAYER}", "CONFIG": …}}}}, as docs/integrate.md has it; {SEE}.'
        return [checks.Error("The channel layer is none of Redis' publish and subscribe.", hint=hint, id="realtime.E001")]
    if layer.get("CONFIG") != RedisAddress.parse(settings.redis_url).for_layer():
        hint = f"CONFIG is RedisAddress.parse(REDIS_URL).for_layer(); {SEE}."
        return [
            checks.Warning('The channel layer is not set up for the Redis that REALTIME["redis_url"] names.', hint=hint, id="realtime.W001")
        ]
    return []
