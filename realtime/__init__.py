"""The wire: topics, positions and sockets; what a job is, the Source knows."""
