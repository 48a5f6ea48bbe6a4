"""Mechanisms that a process under test can do without: what a test of a fault asserts must then fail. That is its twin.

`SABOTAGE` names them, `Site.start(..., without=...)` sets it: `tests.site_settings` then makes this an app of the process.
"""
