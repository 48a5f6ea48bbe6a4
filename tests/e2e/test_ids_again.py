"""A job is deleted and pruned, and its id used again: nothing of the old life is in the new one. FAULTS F44."""

from typing import Any

from tests.owner import Owner
from tests.sockets import client

OLD, NEW = "-of-old", "-anew"
LATER = "2099-01-01T00:00:00Z"


def live_again(owner: Owner, job_id: str, *, port: int | None = None, without: str = "") -> None:
    """Have a job live, be deleted and pruned, and another one live under its id, before the eyes of one who has the old one's position."""
    site = owner.site
    url = f"ws://127.0.0.1:{port or site.port}/ws/"
    events = f"/api/jobs/{job_id}/events"
    body: dict[str, Any] = {"type": "test.stream", "jobId": job_id, "input": {"chunks": 5, "pad": NEW}, "runAt": LATER}
    site.worker("--types", "test.stream", without=without)
    owner.create(job_id, chunks=5, pad=OLD)
    old_position = owner.until(job_id, state="completed")["position"]
    with client(url, Authorization=f"Bearer {owner.token}") as socket:
        socket.subscribe(f"job:{job_id}")
        assert OLD in socket.until("snapshot")["job"]["streamingText"]
        assert site.call("DELETE", f"/api/jobs/{job_id}", token=owner.token, port=port)[0] == 204
        assert socket.until("unsubscribed")["reason"] == "deleted"
        assert socket.subscribe(f"job:{job_id}")["code"] == "not_found"

        assert site.call("POST", "/api/jobs", body, token=owner.token, port=port)[1]["code"] == "job_exists"
        assert site.call("GET", events, token=owner.token, port=port)[0] == 404
        site.manage("prune_jobs", without=without, RETENTION_DAYS="0")
        assert site.call("POST", "/api/jobs", body, token=owner.token, port=port)[0] == 201

        assert socket.subscribe(f"job:{job_id}", after=old_position)["recovered"] is False
        snapshot = socket.until("snapshot")
        assert (snapshot["position"], snapshot["job"]["state"], snapshot["job"]["streamingText"]) == ("1-0", "created", "")
        log = site.call("GET", events, token=owner.token, port=port)[1]
        assert [event["seq"] for event in log["events"]] == [0]
        assert site.call("PATCH", f"/api/jobs/{job_id}", {"runAt": None}, token=owner.token, port=port)[0] == 200
        seen = snapshot["job"]["streamingText"]
        while NEW not in seen:
            seen += "".join(event["data"].get("text", "") for event in socket.until("events")["events"])
    row = owner.until(job_id, state="completed")
    assert row["streamingText"] == "".join(f"[{job_id}:1:{index}{NEW}]" for index in range(5))
    assert row["streamingText"].startswith(seen)


def test_an_id_that_is_used_again_begins_a_new_life(owner: Owner) -> None:
    live_again(owner, "reborn")
