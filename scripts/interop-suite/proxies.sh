# Sourced by scripts/interop: real proxies, each with and without basic authentication, on free ports of the loopback
# interface, as processes of this user, or of nobody if this is root, with files in a temporary directory of their own.

# The credentials of those that want some; characters that a URL must escape are among them.
proxy_user='nova'
proxy_password='se:cr@t/%'
proxy_userinfo='nova:se%3Acr%40t%2F%25'

proxies=()
proxy_work=''

stop_proxies() {
    if ((${#proxies[@]})); then
        kill "${proxies[@]}" 2>/dev/null || true
        wait "${proxies[@]}" 2>/dev/null || true
    fi
    rm -rf "$proxy_work"
}

# Runs a proxy in the background: start_proxy DIRECTORY PORT COMMAND...
start_proxy() {
    local directory=$1 port=$2 user=() _
    shift 2
    if ((EUID == 0)); then
        chown -R 65534:65534 "$directory"
        user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    fi
    "${user[@]}" "$@" >"$directory/output" 2>&1 &
    proxies+=($!)
    for _ in {1..100}; do
        if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then return; fi
        kill -0 "${proxies[-1]}" 2>/dev/null || break
        sleep 0.1
    done
    cat "$directory/output" >&2
    die "$1 did not start"
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# tinyproxy's configuration knows no quotes around a password: its own is a plain one.
start_tinyproxy() {
    local directory=$proxy_work/tinyproxy$1 port
    port=$(free_port)
    mkdir "$directory"
    {
        printf 'Port %s\nListen 127.0.0.1\nTimeout 60\nMaxClients 50\nAllow 127.0.0.1\n' "$port"
        printf 'LogFile "%s"\nPidFile "%s"\n' "$directory/log" "$directory/pid"
        if [[ -n $1 ]]; then printf 'BasicAuth %s %s\n' "$proxy_user" plain; fi
    } >"$directory/configuration"
    start_proxy "$directory" "$port" tinyproxy -d -c "$directory/configuration"
    export "WEBSOCKETNOVA_INTEROP_TINYPROXY$1=http://${1:+$proxy_user:plain@}127.0.0.1:$port"
}

start_squid() {
    local directory=$proxy_work/squid$1 port
    port=$(free_port)
    mkdir "$directory"
    {
        printf 'http_port 127.0.0.1:%s\npid_filename %s\n' "$port" "$directory/pid"
        printf 'cache deny all\ncache_log %s\naccess_log none\ncoredump_dir %s\nshutdown_lifetime 1 seconds\n' \
            "$directory/log" "$directory"
        printf 'pinger_enable off\nnetdb_filename none\n'
        # Its default allows CONNECT to port 443 only.
        if [[ -n $1 ]]; then
            printf '%s:%s\n' "$proxy_user" "$(openssl passwd -apr1 "$proxy_password")" >"$directory/users"
            printf 'auth_param basic program /usr/lib/squid/basic_ncsa_auth %s\n' "$directory/users"
            printf 'auth_param basic children 1\nacl users proxy_auth REQUIRED\nhttp_access allow users\n'
            printf 'http_access deny all\n'
        else
            printf 'acl forbidden dstdomain forbidden.invalid\nhttp_access deny forbidden\nhttp_access allow all\n'
        fi
    } >"$directory/configuration"
    # Each service name has a shared memory segment of its own.
    start_proxy "$directory" "$port" squid -N -n "nova$$${1#_}" -f "$directory/configuration"
    export "WEBSOCKETNOVA_INTEROP_SQUID$1=http://${1:+$proxy_userinfo@}127.0.0.1:$port"
}

# Sets WEBSOCKETNOVA_INTEROP_TINYPROXY, _TINYPROXY_AUTH, _SQUID and _SQUID_AUTH to their URLs.
start_proxies() {
    local suffix
    proxy_work=$(mktemp -d)
    if ((EUID == 0)); then chown 65534:65534 "$proxy_work"; fi
    for suffix in '' _AUTH; do
        start_tinyproxy "$suffix"
        start_squid "$suffix"
    done
}
