"""Yunjin 云锦: the control plane of a city cloud built from the servers its departments already own."""
