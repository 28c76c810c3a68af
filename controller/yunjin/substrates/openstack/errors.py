"""From what a cloud answers, or does not answer, to `yunjin.errors`.

Called by every module of this package that speaks to a cloud. Knows the exceptions of the SDK and what lies
beneath them; how each service says no, `dialects` knows. Promises that every text names the endpoint, the
service, the object and what to do next, and that no credential is ever part of one.
"""

from __future__ import annotations

import socket
import ssl
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from yunjin.errors import (
    ConflictError,
    PermanentError,
    RefusalError,
    Text,
    TransientError,
    UnreachableError,
    YunjinError,
)
from yunjin.substrates.openstack.dialects import is_outdated, over_quota, quoted
from yunjin.substrates.refusals import GO_ON, LOOK, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from yunjin.substrates.openstack.answer import Answer, Service

_MOVED: Final = frozenset(
    {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.GONE, HTTPStatus.PRECONDITION_FAILED}
)
_BUSY: Final = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.TOO_MANY_REQUESTS}
)


def silent(endpoint: str, service: Service, error: BaseException) -> YunjinError:
    """What an exception of the connection means. Its cause is left for the caller to chain."""
    chain = wrapped(error)
    who = f"{endpoint} {service.title}"
    for reason in reversed(chain):
        if isinstance(reason, ssl.SSLError):
            return UnreachableError(
                Text(
                    f"{who} 的证书不可信: {quoted(reason.reason or type(reason).__name__)}",
                    f"the certificate of {who} cannot be trusted: "
                    f"{quoted(reason.reason or type(reason).__name__)}",
                ),
                Text(
                    "检查 clouds.yaml 中的 cacert、证书有效期和地址",
                    "check `cacert` in clouds.yaml, the certificate's dates and the address",
                ),
            )
        if isinstance(reason, socket.gaierror):
            return UnreachableError(
                Text(f"{who} 的地址无法解析", f"the name of {who} is unknown"),
                Text(
                    "检查 clouds.yaml、服务目录和域名解析",
                    "check clouds.yaml, the catalogue and the name service",
                ),
            )
        if isinstance(reason, ConnectionRefusedError):
            return UnreachableError(
                Text(f"{who} 拒绝连接", f"{who} refuses connections"),
                Text(
                    "检查该服务是否运行、地址是否正确",
                    "check that the service runs and its address is right",
                ),
            )
        if isinstance(reason, TimeoutError) or type(reason).__name__ in {"ConnectTimeout", "ReadTimeout"}:
            return UnreachableError(
                Text(f"{who} 在限定时间内未应答", f"{who} gives no answer in time"),
                Text(
                    "检查网络和该服务的负载, 然后重试",
                    "check the network and the service's load, then try again",
                ),
            )
    kind = type(chain[-1]).__name__
    return UnreachableError(
        Text(f"与 {who} 的连接中断 ({kind})", f"the connection to {who} broke ({kind})"),
        Text("检查网络和该服务, 然后重试", "check the network and the service, then try again"),
    )


def refused(endpoint: str, subject: object, answer: Answer) -> YunjinError:
    """What an answer of 300 and above means.

    Args:
        endpoint: whose answer it is.
        subject: what the call was about: a key, or a few words that name it.
        answer: as it came.
    """
    code, said = answer.code, quoted(answer.said)
    if code == HTTPStatus.UNAUTHORIZED:
        return no_entry(endpoint)
    if over_quota(answer):
        return _exhausted(endpoint, subject, answer)
    if code == HTTPStatus.FORBIDDEN:
        return _forbidden(endpoint, subject, answer, said)
    if code in _MOVED or (is_outdated(answer)):
        return _moved(endpoint, subject, f"{answer.service.title} {code} {said}")
    if code in _BUSY or code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _busy(endpoint, subject, answer, said)
    return _unacceptable(endpoint, subject, answer, said)


def below_use(endpoint: str, subject: object, service: Service, figures: Iterable[str]) -> ConflictError:
    """More is used than the quota would leave: somebody took it after the plan had looked."""
    named = ", ".join(sorted(figures))
    return ConflictError(
        Text(
            f"接入点 {endpoint}: {subject} 低于 {service.title} 的现有用量: {named}",
            f"{endpoint}: {subject} would be below what {service.title} counts as used: {named}",
        ),
        Text(
            "重新生成变更方案, 先核减到现有用量",
            "make a new plan, which shrinks to what is used first",
        ),
        facts={"service": service.name, "below_use": sorted(figures)},
    )


def gone(endpoint: str, leaf: str) -> ConflictError:
    """The project of a leaf is not there, or no longer."""
    return ConflictError(
        Text(f"接入点 {endpoint}: 项目 {leaf} 不存在", f"{endpoint}: there is no project {leaf}"),
        Text("重新生成变更方案, 先建立该项目", "make a new plan, which makes the project first"),
    )


def no_domain(endpoint: str, name: str) -> ConflictError:
    """The domain of the centre is not there: one of the endpoint's own objects, written before any leaf."""
    return ConflictError(
        Text(f"接入点 {endpoint}: 域 {name} 不存在", f"{endpoint}: there is no domain {name}"),
        Text("重新生成变更方案, 先建立该域", "make a new plan, which makes the domain first"),
    )


def foreign(endpoint: str, subject: object) -> RefusalError:
    """Somebody else's thing, which is left alone whatever was asked."""
    return RefusalError(
        Text(
            f"接入点 {endpoint}: {subject} 不属于云锦, 不予改动",
            f"{endpoint}: {subject} is not Yunjin's and is left alone",
        ),
        Text("核对该对象所属的项目和域", "look at the project and the domain it belongs to"),
    )


def fixed(endpoint: str, subject: object, field: str) -> PermanentError:
    """The service cannot change that field of what exists."""
    return PermanentError(
        Text(
            f"接入点 {endpoint}: {subject} 的 {field} 建立后不能更改",
            f"{endpoint}: {field} of {subject} cannot be changed once it exists",
        ),
        Text(
            "清空并删除该对象后重新下发执行",
            "empty and remove the object, then apply again",
        ),
    )


def no_less(endpoint: str, subject: object, networks: Iterable[str]) -> PermanentError:
    """A pool of addresses only grows."""
    listed = ", ".join(networks)
    return PermanentError(
        Text(
            f"接入点 {endpoint}: {subject} 的网段只能增加, 不能去掉 {listed}",
            f"{endpoint}: {subject} only grows; {listed} cannot be taken out of it",
        ),
        Text(
            "在 zones.yaml 写回该网段后重新生成变更方案", "put that into zones.yaml again and make a new plan"
        ),
    )


def no_aggregate(endpoint: str, name: str) -> RefusalError:
    """The operators have made no pool of hosts of that name."""
    return RefusalError(
        Text(f"接入点 {endpoint} 没有主机聚合 {name}", f"{endpoint} has no host aggregate {name}"),
        Text(
            f"在 Nova 建立名为 {name} 的主机聚合并加入该资源池的主机",
            f"make a host aggregate {name} in Nova and put the pool's hosts into it",
        ),
    )


def no_subnet_pool(endpoint: str, name: str) -> RefusalError:
    """The zone has no addresses on that cloud."""
    return RefusalError(
        Text(f"接入点 {endpoint} 没有子网池 {name}", f"{endpoint} has no subnet pool {name}"),
        Text("为该区域申报网段并下发执行", "declare the zone's networks and apply that"),
    )


def no_role(endpoint: str, name: str) -> RefusalError:
    """Keystone does not know it."""
    return RefusalError(
        Text(f"接入点 {endpoint} 没有角色 {name}", f"{endpoint} has no role {name}"),
        Text(f"在 Keystone 建立角色 {name}", f"make the role {name} in Keystone"),
    )


def no_service(endpoint: str, service: Service) -> RefusalError:
    """The catalogue does not name it."""
    return RefusalError(
        Text(
            f"接入点 {endpoint} 的服务目录中没有 {service.title} ({service.type})",
            f"the catalogue of {endpoint} has no {service.title} ({service.type})",
        ),
        Text(
            f"在 Keystone 登记 {service.title} 的端点, 并核对 clouds.yaml 的 region_name 和 interface",
            f"register the endpoint of {service.title} in Keystone, and check `region_name` and `interface` "
            "in clouds.yaml",
        ),
        facts={"service": service.name},
    )


def no_entry(endpoint: str) -> RefusalError:
    """The credential of clouds.yaml is not accepted."""
    return RefusalError(
        Text(f"接入点 {endpoint} 不认可所用凭据", f"endpoint {endpoint} does not accept the credential"),
        Text(
            f"为接入点 {endpoint} 更换 clouds.yaml 中的凭据",
            f"renew the credential of {endpoint} in clouds.yaml",
        ),
    )


def no_project(endpoint: str) -> RefusalError:
    """The credential of clouds.yaml names a domain or the whole system, where it should name a project."""
    return RefusalError(
        Text(
            f"接入点 {endpoint} 的令牌不限于项目, Nova、Neutron、Cinder 不予受理",
            f"the token of {endpoint} is for no project; Nova, Neutron and Cinder want one that is",
        ),
        Text(
            "在 clouds.yaml 写明 project_name 和 project_domain_name, 去掉 system_scope 和 domain_name",
            "name `project_name` and `project_domain_name` in clouds.yaml; drop `system_scope` and "
            "`domain_name`",
        ),
    )


def cut_short(endpoint: str, service: Service, collection: str) -> PermanentError:
    """A list that ends before its end. Taken for the whole, what is left out would seem to be gone."""
    return PermanentError(
        Text(
            f"接入点 {endpoint}: {service.title} 只给出 {collection} 的一部分",
            f"{endpoint}: {service.title} gives a part of its {collection} only",
        ),
        Text(
            f"去掉 {service.title} 配置中的 list_limit, 或调到足够大",
            f"drop `list_limit` from {service.title}'s configuration, or raise it",
        ),
    )


def unreadable(endpoint: str, service: Service) -> TransientError:
    """A good status and something that is no JSON: a proxy in between, or half an answer."""
    return TransientError(
        Text(
            f"接入点 {endpoint}: {service.title} 的应答不是完整的 JSON",
            f"{endpoint}: the answer of {service.title} is no whole JSON",
        ),
        Text(
            "稍后重试; 若持续出现, 检查代理和该服务的地址",
            "try again later; if it goes on, check proxies and the service's address",
        ),
    )


def too_long(endpoint: str, service: Service, most: int) -> PermanentError:
    """An answer longer than any honest one."""
    return PermanentError(
        Text(
            f"接入点 {endpoint}: {service.title} 的应答超过 {most >> 20} MiB, 已停止读取",
            f"{endpoint}: {service.title} answers more than {most >> 20} MiB; reading stopped",
        ),
        Text("检查该服务的地址", "check the address of the service"),
    )


def outlived(endpoint: str, subject: object, rest: Text) -> RefusalError:
    """A removal would leave something behind that nobody owns any more."""
    return RefusalError(
        Text(
            f"接入点 {endpoint}: {subject} 中还有{rest.zh}, 不予删除",
            f"{endpoint}: {subject} still holds {rest.en} and is not removed",
        ),
        Text("先删除, 或移交给其他项目", "delete them, or hand them over to another project"),
    )


def unfinished(endpoint: str, subject: object, left: Text, seconds: float) -> TransientError:
    """A removal goes on in the services; what is left is named."""
    return TransientError(
        Text(
            f"接入点 {endpoint}: {subject} 尚未删除完毕, 还有{left.zh}",
            f"{endpoint}: {subject} is not removed yet: {left.en}",
        ),
        Text("等待服务完成后再次下发执行", "wait until the services are done, then apply again"),
        retry_after=seconds,
    )


def _exhausted(endpoint: str, subject: object, answer: Answer) -> RefusalError:
    resources = over_quota(answer)
    named = ", ".join(resources)
    return RefusalError(
        Text(
            f"接入点 {endpoint}: {subject} 超出 {answer.service.title} 的配额: {named}",
            f"{endpoint}: {subject} is over the quota of {answer.service.title}: {named}",
        ),
        Text(
            "释放该项目中的同类资源, 或申请更高配额",
            "release what the project holds of it, or ask for more quota",
        ),
        facts={"service": answer.service.name, "over_quota": list(resources)},
    )


def _forbidden(endpoint: str, subject: object, answer: Answer, said: str) -> RefusalError:
    title = answer.service.title
    return RefusalError(
        Text(
            f"接入点 {endpoint}: {title} 的策略不允许对 {subject} 的操作: {said}",
            f"{endpoint}: the policy of {title} forbids this on {subject}: {said}",
        ),
        Text(
            f"为云锦在接入点 {endpoint} 的账号授予该权限", f"give Yunjin's account on {endpoint} that right"
        ),
        facts={"service": answer.service.name, "status": answer.code},
    )


def _moved(endpoint: str, subject: object, said: str) -> ConflictError:
    return ConflictError(
        Text(
            f"接入点 {endpoint}: {subject} 已被他人改动 ({said})",
            f"{endpoint}: somebody changed {subject} meanwhile ({said})",
        ),
        LOOK,
    )


def _busy(endpoint: str, subject: object, answer: Answer, said: str) -> TransientError:
    return TransientError(
        Text(
            f"接入点 {endpoint}: {answer.service.title} 暂不能处理 {subject}: {answer.code} {said}",
            f"{endpoint}: {answer.service.title} cannot serve {subject} now: {answer.code} {said}",
        ),
        GO_ON,
        retry_after=answer.retry_after,
    )


def _unacceptable(endpoint: str, subject: object, answer: Answer, said: str) -> PermanentError:
    old = answer.code == HTTPStatus.NOT_ACCEPTABLE
    return PermanentError(
        Text(
            f"接入点 {endpoint}: {answer.service.title} 不接受 {subject}: {answer.code} {said}",
            f"{endpoint}: {answer.service.title} does not accept {subject}: {answer.code} {said}",
        ),
        Text(
            f"该云的 {answer.service.title} 版本过旧, 需支持 {answer.service.microversion}",
            f"{answer.service.title} of that cloud is too old; {answer.service.microversion} is needed",
        )
        if old
        else Text("核对申报文件中对应的值", "check the declared values behind it"),
    )
