"""For each command, a call of it that a reader can copy.

Used by `speech`, which shows them at the end of help pages; calls nothing. Promises one for each command,
with what is most often written behind it.
"""

from __future__ import annotations

from typing import Final

from yunjin.errors import Text

_PAPER: Final = Text("--basis 盘数发〔2026〕18号", "--basis order-18-2026")
_CALLS: Final = """\
validate --full
plan --out p.json --as-of 2026-11-22
apply p.json --yes
status --output json
demo
doctor --probe
advance
allot k8s-egov/jtj-egov --cpu 60 --memory 120Gi --expires-in 3d
backup --to s3://backups/panjin --s3-access file:/etc/yunjin/s3
restore --from backups/backup-20261122T010000Z-1a2b3c --into elsewhere
verify backups/backup-20261122T010000Z-1a2b3c
drift list --strict
drift repair --class quota
drift adopt k8s-egov/jtj-egov
controller run --interval 60 --metrics-port 9108 --heads s3://audit/panjin
grant list --node bureau/jtj --expiring 30
grant show G-2026-0001
ledger show bureau/jtj --as-of 2026-11-22
ledger check
ledger explain k8s-egov/jtj-egov --pool k8s-egov
ledger export --out ledger.json
audit list --node tenant/jtj --since 2026-11-01 --limit 20
audit verify --heads s3://audit/panjin
audit export --out audit.jsonl
audit heads export --to s3://audit/panjin
supply show k8s-egov
supply compare --os-cloud city
supply relief k8s-egov
contribution list jtj
contribution show C-2026-0001
tenant list --output yaml
tenant show jtj
tenant move-quota jtj --from k8s-egov --to os-egov --cpu 4 --memory 8Gi
tenant credential rotate 3f2a91 --out jtj.kubeconfig --overlap 12h
tenant credential revoke 3f2a91
tenant credential list jtj
element list
element show transport
bureau list --as-of 2015-12-01
bureau show jtj
bureau changes 1
bureau cancel 1
bureau carry-out 1
"""
_WRITTEN: Final = {
    "import kubernetes": Text(
        "legacy-his --tenant inst-his --pool k8s-egov --owner bureau/wjw --technical 信息科 "
        "--business 医务科 --paper 盘政数〔2026〕3号",
        "legacy-his --tenant inst-his --pool k8s-egov --owner bureau/wjw --technical it --business ward "
        "--paper order-3-2026",
    ),
    "import openstack": Text(
        "--project legacy-his --tenant inst-his --pool os-egov --owner bureau/wjw --name 市中心医院 --mlps 3",
        "--project legacy-his --tenant inst-his --pool os-egov --owner bureau/wjw --name-en Clinic --mlps 3",
    ),
    "grant add": Text(
        f"tenant/jtj --pool k8s-egov --cpu 8 --memory 16Gi --until 2027-06-30 {_PAPER.zh} "
        "--to k8s-egov/jtj-egov",
        f"tenant/jtj --pool k8s-egov --cpu 8 --memory 16Gi --until 2027-06-30 {_PAPER.en} "
        "--to k8s-egov/jtj-egov",
    ),
    "grant renew": Text(
        f"G-2026-0001 --until 2028-06-30 {_PAPER.zh}", f"G-2026-0001 --until 2028-06-30 {_PAPER.en}"
    ),
    "grant end": Text("G-2026-0001 --cause 项目结束", "G-2026-0001 --cause finished"),
    "supply set": Text(
        "k8s-egov --cpu 640 --reserve cpu=64 --percent cpu=125 --cause 新增两台服务器",
        "k8s-egov --cpu 640 --reserve cpu=64 --percent cpu=125 --cause two-new-servers",
    ),
    "supply fall": Text(
        "k8s-egov --cpu 32 --memory 64Gi --cause 7号主机故障",
        "k8s-egov --cpu 32 --memory 64Gi --cause host-7-failed",
    ),
    "contribution add": Text(
        f"jtj --pool k8s-egov --cpu 120 --memory 240Gi --servers 6台机架服务器 {_PAPER.zh}",
        f"jtj --pool k8s-egov --cpu 120 --memory 240Gi --servers six-rack-servers {_PAPER.en}",
    ),
    "contribution recall": Text(
        f"C-2026-0001 --effective 2026-12-31 {_PAPER.zh}", f"C-2026-0001 --effective 2026-12-31 {_PAPER.en}"
    ),
    "tenant credential issue": Text(
        "jtj --to 信息中心 --role admin --expires 30d --out jtj.kubeconfig",
        "jtj --to it-centre --role admin --expires 30d --out jtj.kubeconfig",
    ),
    "bureau rename": Text(
        f"panshan --zh 盘山区 --en Panshan --kind district --effective 2027-01-01 {_PAPER.zh}",
        f"panshan --zh PANSHAN-QU --en Panshan --kind district --effective 2027-01-01 {_PAPER.en}",
    ),
    "bureau merge": Text(
        f"lfw wgj --into wlgj --zh 市文旅广电局 --en Culture --effective 2027-01-01 {_PAPER.zh}",
        f"lfw wgj --into wlgj --zh WENLV-JU --en Culture --effective 2027-01-01 {_PAPER.en}",
    ),
    "bureau split": Text(
        "zfj --into yljj --zh 市园林局 --en Parks --tenant line-greening --share k8s-egov:cpu=8,memory=16Gi "
        f"--effective 2027-01-01 {_PAPER.zh}",
        "zfj --into yljj --zh YUANLIN --en Parks --tenant line-greening --share k8s-egov:cpu=8,memory=16Gi "
        f"--effective 2027-01-01 {_PAPER.en}",
    ),
    "bureau transfer-function": Text(
        f"--element transport --from jtj --to lzj --effective 2027-01-01 {_PAPER.zh}",
        f"--element transport --from jtj --to lzj --effective 2027-01-01 {_PAPER.en}",
    ),
}


def example(command: str) -> Text:
    """A call of a command, which is named as it is written: `yunjin grant add`."""
    name = command.removeprefix("yunjin ")
    if rest := _WRITTEN.get(name):
        return Text(f"{command} {rest.zh}", f"{command} {rest.en}")
    call = next(call for call in _CALLS.splitlines() if f"{call} ".startswith(f"{name} "))
    return Text(f"yunjin {call}", f"yunjin {call}")
