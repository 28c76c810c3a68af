#!/bin/bash
# Installs Yunjin from this folder alone: no network, no package registry.
#
#   ./install.sh install  PREFIX    first installation
#   ./install.sh upgrade  PREFIX    to the version of this folder; the state is copied first
#   ./install.sh rollback PREFIX    to the version before the last upgrade, with the state copied then
#
# PREFIX/bin/yunjin             the command
# PREFIX/tenants                the declared files, an example at first; never touched again
# PREFIX/state                  the state (0700)
# PREFIX/versions/V             one version: bundle/ (this folder, verified) and venv/ made of its wheels
# PREFIX/current                the version in use; moved by one rename, so a killed run changes nothing
# PREFIX/backup/TIME-V          the state as it stood under version V, with checksums
# PREFIX/environment            variables of this installation, where somebody writes them: NAME=VALUE a line
#
# PYTHON names the interpreter (python3), YUNJIN_LANG=en changes the language.
# Exit codes: 0 done, 1 refused or failed and nothing changed, 2 wrong call or damaged bundle.
set -euo pipefail
shopt -s inherit_errexit
umask 022
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=${PYTHON:-python3}

say() { # ZH EN
    if [ "${YUNJIN_LANG:-zh}" = en ]; then printf '%s\n' "$2"; else printf '%s\n' "$1"; fi
}

fail() { # CODE ZH EN
    say "$2" "$3" >&2
    exit "$1"
}

field() { # NAME: a line of the bundle's own description
    sed -n "s/^$1=//p" "$here/BUNDLE"
}

verify() { # FOLDER: every file is the one that was packed, and there is no other
    (cd "$1" && sha256sum --quiet --strict -c SHA256SUMS >&2) ||
        fail 2 "安装包已损坏: $1; 请重新拷贝" "the bundle is damaged: $1; copy it again"
    diff <(cd "$1" && find . ! -type d ! -path ./SHA256SUMS | LC_ALL=C sort) \
        <(cut -c 67- "$1/SHA256SUMS" | LC_ALL=C sort) >&2 ||
        fail 2 "安装包中有多余或缺失的文件: $1" "the bundle has files too many or too few: $1"
}

suited() { # the compiled wheels fit this interpreter and machine
    local wanted got
    wanted="$(field python) $(field machine)"
    got=$("$python" -c 'import platform, sys; print("%d.%d" % sys.version_info[:2], platform.machine())') ||
        fail 1 "没有可用的 Python: $python" "no Python here: $python"
    [ "$got" = "$wanted" ] ||
        fail 1 "安装包需要 Python $wanted, 本机为 $got; 用 PYTHON=… 指定" \
            "the bundle needs Python $wanted, this is $got; name another with PYTHON=..."
}

current() { # the version in use, empty where there is none
    if [ -L "$prefix/current" ]; then basename "$(readlink "$prefix/current")"; fi
}

idle() { # nobody has the state open: a copy of a database in use would be worthless
    local users
    users=$(find /proc/[0-9]*/fd -lname "$prefix/state/*" 2>/dev/null | cut -d/ -f3 | sort -un | tr '\n' ' ') || true
    [ -z "$users" ] ||
        fail 1 "状态正被进程 $users使用; 请先停止" "the state is in use by process ${users}; stop it first"
}

place() { # VERSION: bundle and environment of a version that is not in use
    local target=$prefix/versions/$1
    # After a rollback the same version is still there, whole.
    if [ -e "$target/ready" ] && cmp -s "$here/SHA256SUMS" "$target/bundle/SHA256SUMS" && answers "$target"; then
        rm -f "$target/before"
        return
    fi
    rm -rf "$target"
    mkdir -p "$target"
    cp -R "$here" "$target/bundle"
    environment "$target"
    touch "$target/ready"
}

environment() { # TARGET: its venv, from its own wheels; pip runs out of its wheel, so ensurepip is not needed
    local bundle=$1/bundle pip
    pip=$(echo "$bundle"/wheels/pip-*.whl)
    rm -rf "$1/venv"
    "$python" -m venv --without-pip "$1/venv"
    env -u PYTHONPATH "$1/venv/bin/python" -I "$pip/pip" --isolated --disable-pip-version-check install --quiet \
        --no-compile --no-cache-dir --no-index --find-links "$bundle/wheels" \
        --require-hashes -r "$bundle/requirements.txt"
    # Compiled by whoever installs: those who run it may not write here. All processors help, pip uses one.
    "$1/venv/bin/python" -I -m compileall -q -j 0 "$1/venv/lib" >&2
    env -u PYTHONPATH "$1/venv/bin/yunjin" --help >/dev/null ||
        fail 1 "安装后的程序无法启动: $1" "the program does not start once it is installed: $1"
}

answers() { # TARGET: its program starts
    env -u PYTHONPATH "$1/venv/bin/yunjin" --help >/dev/null 2>&1
}

switch() { # VERSION
    ln -s "versions/$1" "$prefix/.current.$$"
    mv -T "$prefix/.current.$$" "$prefix/current"
}

sums() { # FOLDER: checksums of every file below it
    (cd "$1" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum)
}

keep_state() { # VERSION: copies the state, prints the folder's name; empty where there is no state yet
    local name
    [ -d "$prefix/state" ] || return 0
    idle
    name=$(date -u +%Y%m%dT%H%M%SZ)-$1
    [ ! -e "$prefix/backup/$name" ] || name=$name-$$
    mkdir -m 700 -p "$prefix/backup/$name"
    cp -a "$prefix/state" "$prefix/backup/$name/state"
    sums "$prefix/backup/$name/state" >"$prefix/backup/$name/SHA256SUMS"
    idle
    [ "$(sums "$prefix/state")" = "$(cat "$prefix/backup/$name/SHA256SUMS")" ] ||
        fail 1 "复制期间状态有变化, 请重试" "the state changed while it was copied; try again"
    echo "$name"
}

install_first() {
    [ -z "$(current)" ] || fail 1 "已安装 $(current); 请用 upgrade" "$(current) is installed; use upgrade"
    place "$version"
    mkdir -p "$prefix/bin"
    [ -e "$prefix/tenants" ] || cp -R "$here/tenants" "$prefix/tenants"
    command_file
    switch "$version"
    say "已安装 $version: $prefix/bin/yunjin" "installed $version: $prefix/bin/yunjin"
}

command_file() { # finds its own place, so that PREFIX may be reached through a link
    cat >"$prefix/bin/.yunjin" <<'EOF'
#!/bin/sh
# Written by install.sh: the version in use, on the declared files and the state of this installation.
prefix=$(dirname "$(dirname "$(readlink -f "$0")")")
set -a
if [ -e "$prefix/environment" ]; then . "$prefix/environment"; fi
set +a
export YUNJIN_TENANTS="${YUNJIN_TENANTS:-$prefix/tenants}" YUNJIN_STATE="${YUNJIN_STATE:-$prefix/state}"
exec "$prefix/current/venv/bin/yunjin" "$@"
EOF
    chmod 755 "$prefix/bin/.yunjin"
    mv -T "$prefix/bin/.yunjin" "$prefix/bin/yunjin"
}

upgrade() {
    local from backup
    from=$(current)
    [ -n "$from" ] || fail 1 "尚未安装; 请用 install" "nothing is installed; use install"
    [ "$from" != "$version" ] || fail 1 "已是 $version" "this is $version already"
    [ "$(printf '%s\n' "$from" "$version" | sort -V | tail -n 1)" = "$version" ] ||
        fail 1 "$version 低于已安装的 $from; 退回请用 rollback" "$version is older than $from; use rollback"
    idle
    place "$version"
    backup=$(keep_state "$from")
    printf 'version=%s\nbackup=%s\n' "$from" "$backup" >"$prefix/versions/$version/before"
    command_file
    switch "$version"
    say "已由 $from 升级到 $version; 状态备份: ${backup:-无}" "upgraded $from to $version; state kept: ${backup:-none}"
}

rollback() {
    local from to backup
    from=$(current)
    [ -n "$from" ] || fail 1 "尚未安装" "nothing is installed"
    [ -f "$prefix/versions/$from/before" ] || fail 1 "$from 之前没有版本" "there is no version before $from"
    to=$(sed -n 's/^version=//p' "$prefix/versions/$from/before")
    backup=$(sed -n 's/^backup=//p' "$prefix/versions/$from/before")
    verify "$prefix/versions/$to/bundle"
    answers "$prefix/versions/$to" || environment "$prefix/versions/$to"
    keep_state "$from" >/dev/null
    restore "$backup"
    switch "$to"
    say "已由 $from 退回 $to; 状态恢复自: ${backup:-无}" "rolled back $from to $to; state restored: ${backup:-none}"
}

restore() { # BACKUP: its state becomes the state; empty means there was none
    rm -rf "$prefix/.restored"
    if [ -n "$1" ]; then
        (cd "$prefix/backup/$1/state" && sha256sum --quiet --strict -c ../SHA256SUMS >&2) ||
            fail 1 "状态备份已损坏: $1" "the copy of the state is damaged: $1"
        cp -a "$prefix/backup/$1/state" "$prefix/.restored"
    fi
    rm -rf "$prefix/state" # a checked copy of it was just kept
    [ -z "$1" ] || mv -T "$prefix/.restored" "$prefix/state"
}

main() {
    case $#/${1:-}/${2:+named} in
        2/install/named) local step=install_first ;;
        2/upgrade/named | 2/rollback/named) local step=$1 ;;
        *)
            sed -n '2,/^set/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
            exit 2
            ;;
    esac
    verify "$here"
    suited
    mkdir -p "$2"
    prefix=$(cd "$2" && pwd -P)
    version=$(field version)
    exec 9>"$prefix/.install.lock"
    flock -n 9 || fail 1 "另一安装正在进行: $prefix" "another installation is at work in $prefix"
    "$step"
}

main "$@"
