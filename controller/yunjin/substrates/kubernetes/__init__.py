"""The Kubernetes substrate: server-side apply under the field manager `yunjin`.

`translate` is pure and needs no SDK; `backend` alone opens connections. Import the module you need: this
package imports none, so that a plan never pays for the SDK.
"""
