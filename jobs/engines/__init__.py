"""Handlers that run where a team's work runs already: in a process pool, on Dask, in any `concurrent.futures.Executor`.

The worker claims the job and keeps its lease; the function, wherever it is, reports through the worker API.
"""
