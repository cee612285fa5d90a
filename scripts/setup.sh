# Shared by ./latentsync, ./test and the scripts: finds the .NET SDK, builds, sets heap and threads. Sourced, not run; the caller sets root.

say() { printf '%s\n' "$*" >&2; }
. "$root/scripts/packages.sh"

need_dotnet() {
    if ! command -v dotnet >/dev/null 2>&1; then
        say "latentsync: the .NET 10 SDK is needed and 'dotnet' was not found on PATH. See https://dotnet.microsoft.com/download"
        exit 3
    fi
    export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1
    # Built programs look for the runtime here; an SDK outside the usual folders would not be found otherwise.
    export DOTNET_ROOT=${DOTNET_ROOT:-$(dirname "$(readlink -f "$(command -v dotnet)")")}
    # A machine without a home folder still needs a place for packages.
    if [ -z "${HOME:-}" ]; then
        export DOTNET_CLI_HOME="$root/artifacts/home" NUGET_PACKAGES="$root/artifacts/packages"
    fi
}

# Memory that a new process could use, in MiB; plenty where the system does not say.
free_mebibytes() {
    if [ -r /proc/meminfo ]; then awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo; else echo 16384; fi
}

# build TARGET STAMP [ARG...]: builds unless nothing changed since the last build; several at once wait for each other.
build() {
    target=$1 stamp=$root/artifacts/$2
    shift 2
    if [ -f "$stamp" ] && [ -z "$(find "$root/src" "$root/tests" "$root/bench" "$root"/Directory.* "$root/global.json" "$root/BannedSymbols.txt" "$root/.editorconfig" -newer "$stamp" -not -name '*.md' -print -quit)" ]; then
        return 0
    fi
    mkdir -p "$root/artifacts"
    (
        if command -v flock >/dev/null 2>&1; then flock 9; fi
        log=$root/artifacts/build.log
        # The stamp's time is the beginning: what is edited during the build is built next time.
        touch "$stamp.begun"
        say "building LatentSync.NET (the first time also downloads its packages, libtorch among them) ..."
        # 9>&-: compiler servers outlive the build and would keep the lock with an inherited descriptor.
        if ! dotnet build "$root/$target" -c Release -nologo -v minimal -nodeReuse:false "$@" >"$log" 2>&1 9>&-; then
            grep -E 'error|warning' "$log" | sort -u | head -40 >&2 || tail -n 20 "$log" >&2
            say "latentsync: the build failed; the whole log is $log"
            exit 1
        fi
        mv "$stamp.begun" "$stamp"
    ) 9>"$root/artifacts/.build-lock"
}

# libtorch frees a tensor and asks for the next one of that size thousands of times a second. glibc gives blocks above 32 MiB back to the system
# each time, which then clears every page anew: half of the time of some attention layers. With these settings they stay with the process; one
# arena, because blocks in those of other threads end at 64 MiB. The free end of the heap goes back once it is an eighth of memory, or 2 GiB.
keep_heap() {
    if [ "$(uname -s)" != Linux ] || [ "${LATENTSYNC_HEAP:-}" = system ]; then return 0; fi
    local kibibytes kept=$((2 << 30))
    if read -r _ kibibytes _ </proc/meminfo && [ "$((kibibytes * 1024 / 8))" -lt "$kept" ]; then kept=$((kibibytes * 1024 / 8)); fi
    export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-1}" MALLOC_MMAP_THRESHOLD_="${MALLOC_MMAP_THRESHOLD_:-$((512 << 20))}" MALLOC_TRIM_THRESHOLD_="${MALLOC_TRIM_THRESHOLD_:-$kept}"
    # Pages of 2 MiB, where the system gives them: a tensor's first touch costs a fault for each page.
    case "${GLIBC_TUNABLES:-}" in
        *glibc.malloc.hugetlb=*) ;;
        *) export GLIBC_TUNABLES="${GLIBC_TUNABLES:+$GLIBC_TUNABLES:}glibc.malloc.hugetlb=1" ;;
    esac
}

# OpenMP's threads spin while they wait for work, which takes the processor from each other where it is busy with something else: there a sync takes
# half as long when they sleep, and no longer elsewhere (docs/benchmarks/busy-machine). What the user says about it holds.
sleep_while_waiting() {
    if [ -z "${OMP_WAIT_POLICY+set}${GOMP_SPINCOUNT+set}${KMP_BLOCKTIME+set}" ]; then export OMP_WAIT_POLICY=passive; fi
}
