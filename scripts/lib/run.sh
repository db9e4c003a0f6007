# ./dev run: the service on the private cluster, the walk, and then serving until Ctrl-C.

readonly preferred_port=8080
readonly ready_timeout_s=60
readonly service=build/release/src/portcullis
readonly service_log=$run_dir/portcullis.log

service_pid=
log_pid=
cluster_is_ours=

command_run() {
  local once=
  case ${1:-} in
    '') ;;
    --once) once=1 ;;
    *) die "run takes --once or nothing, not '$1'" ;;
  esac
  require_packages run
  build release portcullis
  trap end_run EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP

  start_cluster
  start_service
  step "The walk: scripts/walk http://127.0.0.1:$port"
  scripts/walk "http://127.0.0.1:$port"
  [[ -z $once ]] || return 0

  step "Serving on http://127.0.0.1:$port until Ctrl-C; its log follows ($service_log)"
  echo "    another walk:  scripts/walk http://127.0.0.1:$port"
  echo "    the feed:      curl -N -H 'Accept: text/event-stream' http://127.0.0.1:$port/api/v1/internal/revocations"
  echo "    SQL:           psql \"\$(sed 's/search_path=backend&//' $cluster_dir/dsn)\""
  tail -n 0 -f "$service_log" &
  log_pid=$!
  wait "$service_pid" || die "the service ended with $?"
}

start_cluster() {
  mkdir -p "$run_dir"
  scripts/private-postgres status "$cluster_dir" >/dev/null || cluster_is_ours=1
  step "Starting the private PostgreSQL cluster in $cluster_dir"
  BACKEND_POSTGRES_DSN=$(scripts/private-postgres start "$cluster_dir")
  export BACKEND_POSTGRES_DSN
  scripts/private-postgres status "$cluster_dir"
}

# Sets $port. What else the caller has set for the service (BACKEND_LOG_LEVEL…) goes through to it.
start_service() {
  port=$(free_port)
  export BACKEND_HTTP_ADDR=127.0.0.1:$port
  step "Starting $service on $BACKEND_HTTP_ADDR (log: $service_log)"
  # In a session of its own: Ctrl-C is then this script's to pass on, once. A second signal would cut the drain short.
  setsid "$service" serve >"$service_log" 2>&1 &
  service_pid=$!
  local deadline=$((SECONDS + ready_timeout_s))
  until scripts/http-ok "$port" /readyz 2>/dev/null; do
    if ! kill -0 "$service_pid" 2>/dev/null || ((SECONDS >= deadline)); then
      tail -n 20 "$service_log" >&2
      die "the service did not become ready"
    fi
    sleep 0.05
  done
}

free_port() {
  local candidate=$preferred_port
  while (exec 3<>"/dev/tcp/127.0.0.1/$candidate") 2>/dev/null; do
    candidate=$((10000 + RANDOM % 10000))
  done
  echo "$candidate"
}

# Ends what this run started, in the order in which nothing is cut off: the service drains while its database lives.
end_run() {
  trap - EXIT
  trap '' INT TERM HUP
  if [[ -n $service_pid ]] && kill -TERM "$service_pid" 2>/dev/null; then
    step "Stopping the service"
    wait "$service_pid" || true
  fi
  [[ -z $log_pid ]] || kill "$log_pid" 2>/dev/null || true
  if [[ -n $cluster_is_ours ]]; then
    step "Stopping the private PostgreSQL cluster"
    scripts/private-postgres stop "$cluster_dir"
  fi
}
