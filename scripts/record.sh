# Shared by scripts/gpu-check and scripts/cpu-record: runs the steps of a measurement record and writes record.json. Sourced, not run.
# The caller sets: out (folder of the record), budget (seconds for all steps), gpu, libtorch, left_out (array), step_errors (a file's path);
# threads, where they are not as many as the machine has processors.

say() { printf '%s\n' "$*" >&2; }
quoted() { printf '"%s"' "$(printf '%s' "$1" | tr '\n\r\t' '   ' | sed 's/\\/\\\\/g; s/"/\\"/g')"; }

# run_steps: runs the steps read from standard input, "NAME SECONDS PROGRAM ARGUMENTS...", and writes each one's JSON. program_of NAME, the
# caller's, prints the path of a program. Fills done_steps with the record's lines and failed_steps with names.
run_steps() {
    local begun=$SECONDS name limit program arguments left code seconds first=1
    done_steps='' failed_steps=''
    while read -r name limit program arguments; do
        left=$((budget - (SECONDS - begun)))
        if [ "$left" -lt 5 ]; then
            left_out+=("$name: no time was left")
            continue
        fi
        [ "$limit" -le "$left" ] || limit=$left
        say "[$((SECONDS - begun)) s] $program $arguments (at most $limit s)"
        local at=$SECONDS
        code=0
        # shellcheck disable=SC2086 # the arguments are words of ours
        timeout -k 10 "$limit" "$(program_of "$program")" $arguments >"$out/$name.json" 2>"$step_errors" </dev/null || code=$?
        seconds=$((SECONDS - at))
        { echo "== $program $arguments: exit code $code, $seconds s"; tail -n 200 "$step_errors"; } >>"$out/log.txt"
        case "$name.$code" in
            *.0) ;;
            doctor.3) say "    exit code 3: the program is whole for attention, but not for sync (no OpenCV, no ffmpeg): as meant" ;;
            *.124 | *.137) say "    stopped after $limit s"; failed_steps+=" $name" ;;
            *) say "    exit code $code: $(tail -n 1 "$step_errors")"; failed_steps+=" $name" ;;
        esac
        [ -s "$out/$name.json" ] || rm -f "$out/$name.json"
        [ $first = 1 ] || done_steps+=','
        first=0
        done_steps+=$(printf '\n    { "name": %s, "command": %s, "exitCode": %d, "seconds": %d, "limitSeconds": %d, "lastLine": %s }' \
            "$(quoted "$name")" "$(quoted "$program $arguments")" "$code" "$seconds" "$limit" "$(quoted "$(tail -n 1 "$step_errors")")")
    done
}

# write_record SCRIPT: record.json.
write_record() {
    local i entries=''
    for i in "${left_out[@]+"${left_out[@]}"}"; do entries+="${entries:+, }$(quoted "$i")"; done
    cat >"$out/record.json" <<RECORD
{
  "date": $(quoted "$(date -u +%Y-%m-%dT%H:%M:%SZ)"),
  "madeBy": $(quoted "$1"),
  "gpu": $(quoted "$gpu"),
  "kernel": $(quoted "$(uname -sr)"),
  "threads": ${threads:-$(nproc)},
  "libtorchFolder": $(quoted "$libtorch"),
  "steps": [$done_steps
  ],
  "leftOut": [$entries]
}
RECORD
}

# folder_name NAME: a processor's or GPU's name as a folder's: "nvidia-h200".
folder_name() { printf '%s' "$1" | sed 's/([^)]*)//g' | tr '[:upper:] ' '[:lower:]-' | tr -cd 'a-z0-9.-' | sed 's/--*/-/g; s/^-//; s/-$//'; }
