"""Two bureaus beside each other, one below a third, and what hangs below them: a tree to reorganise."""

from __future__ import annotations

from ledgers import CLOUD, K8S, Body, Tree


def tree() -> Tree:
    """Two bureaus beside each other, one below a third, and what hangs below them."""

    def body(node: str, parent: str, cpu: int, guarantee: int = 0, **more: int) -> Body:
        limit = {K8S: {"cpu": cpu}}
        if more:
            limit[CLOUD] = {"cpu": more["cloud"]}
        return Body(
            node,
            parent,
            limit,
            {"cpu": cpu + more.get("cloud", 0)},
            {K8S: {"cpu": guarantee}} if guarantee else {},
        )

    return Tree(
        supply={K8S: ({"cpu": 100}, {}, {}), CLOUD: ({"cpu": 50}, {}, {})},
        bodies=(
            body("bureau/lfw", "city", 20, 8, cloud=10),
            body("bureau/wgj", "city", 10, 4),
            body("bureau/gaj", "city", 40, 20),
            body("bureau/jjzd", "bureau/gaj", 10, 6),
            body("tenant/lfw", "bureau/lfw", 16, 8, cloud=10),
            body("tenant/park", "bureau/lfw", 4),
            body("tenant/wgj", "bureau/wgj", 10, 2),
            body("tenant/gaj", "bureau/gaj", 30, 10),
            body("tenant/jjzd", "bureau/jjzd", 10, 4),
        ),
        leaves=(
            ("leaf/k8s/lfw-egov", "tenant/lfw", K8S),
            ("leaf/os/lfw-egov", "tenant/lfw", CLOUD),
            ("leaf/k8s/park-egov", "tenant/park", K8S),
            ("leaf/k8s/wgj-egov", "tenant/wgj", K8S),
            ("leaf/k8s/gaj-egov", "tenant/gaj", K8S),
            ("leaf/k8s/jjzd-egov", "tenant/jjzd", K8S),
        ),
    )
