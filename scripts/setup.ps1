# What latentsync.cmd does before the command itself, and what scripts/setup.sh and scripts/packages.sh do on other systems: finds the .NET SDK, gets what
# the command needs (scripts/needs.txt), builds unless nothing changed. The command's words are the arguments. Exit code 0: go on.
# Windows PowerShell 5.1 is enough. Standard output stays the command's own.
$root = Split-Path -Parent $PSScriptRoot
$artifacts = Join-Path $root 'artifacts'

function Say([string] $text) { [Console]::Error.WriteLine($text) }

function Find-Program([string] $name) { [bool](Get-Command $name -CommandType Application -ErrorAction SilentlyContinue) }

# Rows of needs.txt of one kind, each as an array of its fields.
function Get-Rows([string] $kind) {
    foreach ($line in [IO.File]::ReadAllLines((Join-Path $PSScriptRoot 'needs.txt'))) {
        $fields = $line.Split('|')
        if ($fields[0] -ceq $kind) { , $fields }
    }
}

# What the command of these words needs; nothing where there is no such command: the program says so.
function Get-Needs([string] $first, [string] $second) {
    foreach ($row in Get-Rows 'command') {
        if ($row[1] -cne $first) { continue }
        if ($row[2] -ceq '*' -or $row[2] -ceq $second -or ($row[2] -ceq '+' -and $second -ne '')) {
            return $row[3].Split(' ', [StringSplitOptions]::RemoveEmptyEntries)
        }
    }
}

# Where the program finds ffmpeg without PATH (FfmpegLocator.cs): winget puts its links there, and this PATH is older than they are.
function Test-Ffmpeg {
    if ($env:LATENTSYNC_FFMPEG) { return $true }
    if ((Find-Program 'ffmpeg') -and (Find-Program 'ffprobe')) { return $true }
    if (-not $env:LOCALAPPDATA) { return $false }
    $links = Join-Path $env:LOCALAPPDATA 'Microsoft/WinGet/Links'
    return (Test-Path (Join-Path $links 'ffmpeg.exe')) -and (Test-Path (Join-Path $links 'ffprobe.exe'))
}

# Installs WHAT unless it is there, or says what to type. True: it is there.
function Install-Need([string] $what) {
    $package = @(Get-Rows 'package' | Where-Object { $_[1] -ceq $what })[0][7]
    # The program's OpenCV brings what it needs on Windows, and no package has the cascades.
    if ($package -ceq '-') { return $true }
    if ($what -ceq 'ffmpeg' -and (Test-Ffmpeg)) { return $true }
    $name = @(Get-Rows 'name' | Where-Object { $_[1] -ceq $what })[0][2]
    if ($env:LATENTSYNC_NO_INSTALL -ceq '1') {
        Say "latentsync: $name is missing, and LATENTSYNC_NO_INSTALL=1 forbids installing it. Type this, then run the command again:"
    }
    else {
        Say "$name is missing; installing it with winget (LATENTSYNC_NO_INSTALL=1 forbids that)"
        if (Find-Program 'winget') {
            winget install --id $package -e --accept-source-agreements --accept-package-agreements | ForEach-Object { Say $_ }
            if ($LASTEXITCODE -eq 0 -and (Test-Ffmpeg)) { return $true }
        }
        Say "latentsync: $name could not be installed from here. Type this, then run the command again:"
    }
    Say "    winget install --id $package -e      (Windows)"
    return $false
}

# Whether nothing that the build reads is newer than the last build.
function Test-Built([string] $stamp) {
    if (-not (Test-Path $stamp)) { return $false }
    $built = [IO.File]::GetLastWriteTimeUtc($stamp)
    $single = 'global.json', 'BannedSymbols.txt', '.editorconfig', 'Directory.*' | ForEach-Object { Join-Path $root $_ }
    $folders = 'src', 'tests', 'bench' | ForEach-Object { Join-Path $root $_ }
    $changed = & { Get-Item $single -Force -ErrorAction SilentlyContinue; Get-ChildItem $folders -Recurse -File -Force -ErrorAction SilentlyContinue } |
        Where-Object { $_.Extension -cne '.md' -and $_.LastWriteTimeUtc -gt $built } | Select-Object -First 1
    return -not $changed
}

# Builds unless nothing changed; several at once wait for each other. True: it is built.
function Build([string] $target, [string] $stamp) {
    $stamp = Join-Path $artifacts $stamp
    if (Test-Built $stamp) { return $true }
    $null = New-Item -ItemType Directory -Force $artifacts
    $lock = $null
    while ($null -eq $lock) {
        try { $lock = [IO.File]::Open((Join-Path $artifacts '.build-lock'), 'OpenOrCreate', 'ReadWrite', 'None') }
        catch [IO.IOException] { Start-Sleep -Milliseconds 200 }
    }
    try {
        if (Test-Built $stamp) { return $true } # another one has built meanwhile
        # The stamp's time is the beginning: what is edited during the build is built next time.
        $begun = [DateTime]::UtcNow
        Say 'building LatentSync.NET (the first time also downloads its packages, libtorch among them) ...'
        $log = Join-Path $artifacts 'build.log'
        dotnet build (Join-Path $root $target) -c Release -nologo -v minimal -nodeReuse:false 2>&1 | ForEach-Object { "$_" } | Set-Content $log
        if ($LASTEXITCODE -ne 0) {
            Get-Content $log | Where-Object { $_ -match 'error|warning' } | Sort-Object -Unique | Select-Object -First 40 | ForEach-Object { Say $_ }
            Say "latentsync: the build failed; the whole log is $log"
            return $false
        }
        Set-Content $stamp ''
        [IO.File]::SetLastWriteTimeUtc($stamp, $begun)
        return $true
    }
    finally { $lock.Dispose() }
}

if (-not (Find-Program 'dotnet')) {
    Say "latentsync: the .NET 10 SDK is needed and 'dotnet' was not found on PATH. See https://dotnet.microsoft.com/download"
    exit 3
}
$env:DOTNET_NOLOGO = '1'
$env:DOTNET_CLI_TELEMETRY_OPTOUT = '1'
$words = @($args | ForEach-Object { "$_" })
if (-not ($words | Where-Object { '-h', '-?', '--help', '--version' -ccontains $_ })) {
    foreach ($need in Get-Needs "$($words | Select-Object -First 1)" "$($words | Select-Object -Skip 1 -First 1)") {
        if (-not (Install-Need $need)) {
            if ($need -ceq 'ffmpeg') {
                Say 'or point LATENTSYNC_FFMPEG at the folder that holds ffmpeg and ffprobe.'
                exit 3
            }
        }
    }
}
if (-not (Build 'src/LatentSync.Cli' '.built-cli')) { exit 1 }
exit 0
