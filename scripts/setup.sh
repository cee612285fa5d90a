# Shared by ./latentsync, ./test and the scripts: finds the .NET SDK, installs ffmpeg where that is permitted, builds, sets the heap. Sourced, not run.

say() { printf '%s\n' "$*" >&2; }

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

# Runs a command as root: directly, or through sudo when it asks for no password.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then sudo -n "$@"; else return 1; fi
}

# install_packages COMMAND DEBIAN FEDORA ARCH ALPINE BREW: installs what provides COMMAND with the system's package manager.
install_packages() {
    if [ "${LATENTSYNC_NO_INSTALL:-0}" = 1 ]; then return 1; fi
    if command -v apt-get >/dev/null 2>&1; then
        as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2 || return 1
        # shellcheck disable=SC2086
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $1 >/dev/null
    elif command -v dnf >/dev/null 2>&1; then as_root dnf install -y -q $2 >&2
    elif command -v pacman >/dev/null 2>&1; then as_root pacman -S --noconfirm --needed $3 >&2
    elif command -v apk >/dev/null 2>&1; then as_root apk add -q $4 >&2
    elif command -v brew >/dev/null 2>&1; then brew install -q $5 >&2
    else return 1
    fi
}

need_ffmpeg() {
    if [ -n "${LATENTSYNC_FFMPEG:-}" ] || { command -v ffmpeg >/dev/null 2>&1 && command -v ffprobe >/dev/null 2>&1; }; then return 0; fi
    say "ffmpeg is missing; installing it with the system's package manager (LATENTSYNC_NO_INSTALL=1 forbids that)"
    if install_packages ffmpeg ffmpeg-free ffmpeg ffmpeg ffmpeg && command -v ffmpeg >/dev/null 2>&1; then return 0; fi
    say "latentsync: ffmpeg is needed and could not be installed from here. Type one of these, then run the command again:"
    say "    sudo apt-get install ffmpeg      (Debian, Ubuntu)"
    say "    sudo dnf install ffmpeg-free     (Fedora)"
    say "    sudo pacman -S ffmpeg            (Arch)"
    say "    sudo apk add ffmpeg              (Alpine)"
    say "    brew install ffmpeg              (macOS)"
    say "or point LATENTSYNC_FFMPEG at the folder that holds ffmpeg and ffprobe."
    exit 3
}

# The face tests also use OpenCV's Haar cascades; without them those tests are skipped and say so.
want_cascades() {
    for folder in /usr/share/opencv4/haarcascades /usr/share/opencv/haarcascades /usr/local/share/opencv4/haarcascades /opt/homebrew/share/opencv4/haarcascades; do
        if [ -d "$folder" ]; then return 0; fi
    done
    install_packages opencv-data opencv-data opencv opencv opencv 2>/dev/null || say "OpenCV's Haar cascades are missing (Debian: opencv-data): their tests will be skipped"
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
            grep -E 'error|warning' "$log" | sort -u | head -40 >&2 || true
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

# OpenCV's native library for Linux is linked against GTK 3, which servers often lack.
want_gtk() {
    [ "$(uname -s)" = Linux ] || return 0
    if ldconfig -p 2>/dev/null | grep -q 'libgtk-3\.so\.0'; then return 0; fi
    install_packages libgtk-3-0 gtk3 gtk3 gtk+3.0 gtk+3 2>/dev/null || say "GTK 3 is missing (Debian: libgtk-3-0): finding faces needs it"
}
