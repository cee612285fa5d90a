# Shared by ./latentsync, ./test and the scripts: what a command needs besides .NET, and how this system installs it. Sourced, not run.

# What commands need, and what packages are called (scripts/setup.ps1 reads it too).
needs_file=${BASH_SOURCE[0]%/*}/needs.txt
# Where packages put OpenCV's Haar cascades; the program looks in the same folders (HaarCascades.cs).
cascade_folders=(
    /usr/share/opencv4/haarcascades /usr/share/opencv/haarcascades /usr/share/OpenCV/haarcascades /usr/local/share/opencv4/haarcascades
    /opt/homebrew/share/opencv4/haarcascades /opt/local/share/opencv4/haarcascades
)
# Where the program finds ffmpeg without PATH (FfmpegLocator.cs).
ffmpeg_folders=(/usr/bin /usr/local/bin /opt/homebrew/bin /opt/local/bin /snap/bin /var/lib/flatpak/exports/bin)
lists_are_new=0

# The first package manager of this system that is known here; nothing when there is none.
package_manager() {
    local name
    for name in apt-get dnf pacman apk brew; do
        if command -v "$name" >/dev/null 2>&1; then printf '%s' "$name"; return 0; fi
    done
    return 1
}

# Runs a command as root: directly, or through sudo when it asks for no password.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then sudo -n "$@"; else return 1; fi
}

# row KIND FIELD: the rest of the first such row of needs.txt.
row() {
    local kind first rest
    while IFS='|' read -r kind first rest; do
        if [ "$kind" = "$1" ] && [ "$first" = "$2" ]; then printf '%s' "$rest"; return 0; fi
    done <"$needs_file"
    return 1
}

# packages_of WHAT MANAGER: what the manager calls it.
packages_of() {
    local apt dnf pacman apk brew
    IFS='|' read -r apt dnf pacman apk brew _ <<<"$(row package "$1")"
    case "$2" in apt-get) printf '%s' "$apt" ;; *) printf '%s' "${!2}" ;; esac
}

# install_packages WHAT: with the system's manager. Standard input stays the command's own.
install_packages() {
    if [ "${LATENTSYNC_NO_INSTALL:-0}" = 1 ]; then return 1; fi
    local manager packages
    manager=$(package_manager) || return 1
    packages=$(packages_of "$1" "$manager")
    # shellcheck disable=SC2086 # several packages are several words
    case "$manager" in
        apt-get)
            # One update serves all packages of a run. Where it fails, the lists that are there may do.
            if [ $lists_are_new = 0 ]; then
                as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq </dev/null >&2 || true
                lists_are_new=1
            fi
            as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=120 $packages </dev/null >/dev/null
            ;;
        dnf) as_root dnf install -y -q $packages </dev/null >&2 ;;
        pacman) as_root pacman -S --noconfirm --needed $packages </dev/null >&2 ;;
        apk) as_root apk add -q $packages </dev/null >&2 ;;
        brew) brew install -q $packages </dev/null >&2 ;;
    esac
}

# say_how WHAT: what to type; one line where the system's package manager is known.
say_how() {
    local manager
    manager=$(package_manager) || manager=any
    case "$manager" in apt-get | any) say "    sudo apt-get install $(packages_of "$1" apt-get)      (Debian, Ubuntu)" ;; esac
    case "$manager" in dnf | any) say "    sudo dnf install $(packages_of "$1" dnf)      (Fedora)" ;; esac
    case "$manager" in pacman | any) say "    sudo pacman -S $(packages_of "$1" pacman)      (Arch)" ;; esac
    case "$manager" in apk | any) say "    sudo apk add $(packages_of "$1" apk)      (Alpine)" ;; esac
    case "$manager" in brew | any) say "    brew install $(packages_of "$1" brew)      (macOS)" ;; esac
}

# get WHAT: installs it unless it is there (has_WHAT), or says what to type.
get() {
    local name
    if "has_$1"; then return 0; fi
    name=$(row name "$1")
    if [ "${LATENTSYNC_NO_INSTALL:-0}" = 1 ]; then
        say "latentsync: $name is missing, and LATENTSYNC_NO_INSTALL=1 forbids installing it. Type this, then run the command again:"
    else
        say "$name is missing; installing it with the system's package manager (LATENTSYNC_NO_INSTALL=1 forbids that)"
        if install_packages "$1" && "has_$1"; then return 0; fi
        say "latentsync: $name could not be installed from here. Type this, then run the command again:"
    fi
    say_how "$1"
    return 1
}

has_ffmpeg() {
    if [ -n "${LATENTSYNC_FFMPEG:-}" ]; then return 0; fi
    if command -v ffmpeg >/dev/null 2>&1 && command -v ffprobe >/dev/null 2>&1; then return 0; fi
    local folder
    for folder in "${ffmpeg_folders[@]}"; do
        if [ -x "$folder/ffmpeg" ] && [ -x "$folder/ffprobe" ]; then return 0; fi
    done
    return 1
}

need_ffmpeg() {
    if get ffmpeg; then return 0; fi
    say "or point LATENTSYNC_FFMPEG at the folder that holds ffmpeg and ffprobe."
    exit 3
}

# The program's OpenCV is linked against these on Linux, and servers often lack them. Elsewhere it brings what it needs.
has_opencv() {
    [ "$(uname -s)" = Linux ] || return 0
    local present library
    # ldconfig lies in a folder that is not on every user's PATH.
    present=$(PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null) || return 1
    for library in libgtk-3.so.0 libdrm.so.2 libatomic.so.1; do
        case "$present" in *"$library"*) ;; *) return 1 ;; esac
    done
}

want_opencv_libraries() { get opencv || true; }

has_cascades() {
    local folder
    for folder in "${cascade_folders[@]}"; do
        if [ -f "$folder/haarcascade_frontalface_default.xml" ] && [ -f "$folder/haarcascade_eye.xml" ]; then return 0; fi
    done
    return 1
}

# OpenCV's cascades are the face detector that needs no download of weights.
want_cascades() { get cascades || true; }

# Where packages put dlib's model of face points; the program looks in the same folders (ShapeModelFile.cs).
point_folders=(/usr/share/dlib /usr/local/share/dlib /opt/homebrew/share/dlib /opt/local/share/dlib)

has_points() {
    local folder
    for folder in "${point_folders[@]}"; do
        if [ -f "$folder/shape_predictor_68_face_landmarks.dat" ]; then return 0; fi
    done
    return 1
}

# dlib's points make the faces that the cascades find measured ones. Their licence is not everybody's: they are offered, never installed unasked. On a
# terminal the question is put once; a no is remembered in artifacts/. Elsewhere the program's report says what would be better and how to get it.
offer_points() {
    local packages answer no=$root/artifacts/.no-face-points
    if has_points || [ "${LATENTSYNC_NO_INSTALL:-0}" = 1 ] || [ -f "$no" ] || [ ! -t 0 ] || [ ! -t 2 ]; then return 0; fi
    packages=$(packages_of points "$(package_manager)" 2>/dev/null) || return 0
    if [ -z "$packages" ] || [ "$packages" = - ]; then return 0; fi
    say "$(row name points) places faces better than the cascades alone."
    say "Package $packages (63 MB). It says CC0 1.0, but the photographs the model was trained on (iBUG 300-W) exclude commercial use."
    printf 'Install it under these terms? [y/N] ' >&2
    read -r answer || answer=
    case "$answer" in
        y | Y | yes) install_packages points || say_how points ;;
        *) mkdir -p "$root/artifacts" && : >"$no" ;;
    esac
}

# Where Chromium, or a browser made from it, is; nothing where there is none.
chromium_path() {
    local name
    for name in chromium chromium-browser google-chrome chrome /Applications/Chromium.app/Contents/MacOS/Chromium "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do
        if command -v "$name" 2>/dev/null; then return 0; fi
    done
    return 1
}

has_chromium() { chromium_path >/dev/null; }

# finds_faces_itself ARGUMENTS...: true where the command is given no face, no cascades and no models of another detector.
finds_faces_itself() {
    local argument before='' checkpoint=checkpoints
    for argument in "$@"; do
        case "$before" in
            --detector) case "$argument" in auto | dlib | haar) ;; *) return 1 ;; esac ;;
            --checkpoint | -c) checkpoint=$argument ;;
        esac
        case "$argument" in
            --landmarks | --landmarks=* | --landmarks:* | --cascades | --cascades=* | --cascades:* | --face-models | --face-models=* | --face-models:*) return 1 ;;
            --detector=auto | --detector:auto | --detector=dlib | --detector:dlib | --detector=haar | --detector:haar) ;;
            --detector=* | --detector:*) return 1 ;;
            --checkpoint=*) checkpoint=${argument#*=} ;;
            --checkpoint:* | -c:*) checkpoint=${argument#*:} ;;
            -c=*) checkpoint=${argument#*=} ;;
        esac
        before=$argument
    done
    # InsightFace's or YuNet's models are better than the cascades.
    [ ! -d "$checkpoint" ] || [ -z "$(find -L "$checkpoint" -maxdepth 4 \( -name det_10g.onnx -o -name 'face_detection_yunet*.onnx' \) -print -quit 2>/dev/null)" ]
}

# needs_of FIRST SECOND: what the command of these words needs; nothing where there is no such command: the program says so.
needs_of() {
    local kind first second needs
    while IFS='|' read -r kind first second needs; do
        if [ "$kind" != command ] || [ "$first" != "$1" ]; then continue; fi
        case "$second" in
            '*' | "$2") ;;
            +) [ -n "$2" ] || continue ;;
            *) continue ;;
        esac
        printf '%s' "$needs"
        return 0
    done <"$needs_file"
}

# install_for COMMAND ARGUMENTS...: what a command of latentsync needs. The others only look, compute or ask for --help: they install nothing.
install_for() {
    local argument need
    for argument in "$@"; do
        case "$argument" in -h | '-?' | --help | --version) return 0 ;; esac
    done
    for need in $(needs_of "${1:-}" "${2:-}"); do
        case "$need" in
            ffmpeg) need_ffmpeg ;;
            opencv) want_opencv_libraries ;;
            cascades) if finds_faces_itself "$@"; then want_cascades; offer_points; fi ;;
        esac
    done
}
