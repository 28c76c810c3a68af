"""Leaves on an OpenStack cloud: one project each, in one domain for the whole centre.

`translate` is pure and needs no SDK; `backend` alone opens connections. Import the module you need: this
package imports none, so that a plan never pays for the SDK.
"""
