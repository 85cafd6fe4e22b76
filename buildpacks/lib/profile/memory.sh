# The dyno's memory in MB: what its control group allows (version 2, then 1); 512 where nothing is limited.
__memory_limit_mb() {
  local file bytes
  for file in /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes; do
    bytes=$(cat "$file" 2>/dev/null) || continue
    # "max", and version 1's number near 2^63, mean no limit at all.
    case $bytes in '' | *[!0-9]*) continue ;; esac
    [ "${#bytes}" -le 15 ] || continue
    echo $((bytes / 1048576))
    return
  done
  echo 512
}
