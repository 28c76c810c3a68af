"""The six services of an OpenStack on loopback, as they run in an environment of their own.

Called as `python -m cloudbed` by `devcloud` (tests/support), never imported by tests. `layout` says where
everything of one cloud is, `configuration` what the services are told, `seed` builds the databases once,
`relocation` fits a copy of them to one cloud, `run` starts the processes, `serve` is one of them. What the
services lack on loopback is in `pretend_compute`, `pretend_volumes` and `pretend_network`; `sqlite` lets
their threads share files that were never meant for a cloud.
"""
