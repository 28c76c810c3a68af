"""Pulumi programs of the centre: the one package, beside the recorder, in which `pulumi` may be imported.

Run by `stacks/__main__.py`; calls the Pulumi SDK. No program is declared yet, so a preview of the project
is empty: namespaces, quotas and bindings of the tenants come from `tenants/` through plan and apply, not
from here. Here will live the foundation (networks, images, zones, storage and priority classes),
`elements/` (one folder of data and manifests a platform), `services/` (what platforms share) and
`components/` (what both are composed of).
"""
