@echo off
rem Builds what is missing and runs the latentsync command.
setlocal
where dotnet >nul 2>nul || (echo latentsync: the .NET 10 SDK is needed and dotnet was not found on PATH. 1>&2 & exit /b 3)
rem Commands that read or write videos need ffmpeg; the others, and --help, install nothing.
set needs=
for %%c in (demo sync synth train eval) do if "%~1"=="%%c" set needs=ffmpeg
if "%~2"=="speech" set needs=
for %%a in (%*) do for %%h in (-h -? --help --version) do if "%%~a"=="%%h" set needs=
if defined LATENTSYNC_FFMPEG set needs=
if "%LATENTSYNC_NO_INSTALL%"=="1" set needs=
if defined needs where ffmpeg >nul 2>nul || winget install --id Gyan.FFmpeg -e --accept-source-agreements --accept-package-agreements 1>&2
if not exist "%~dp0artifacts" mkdir "%~dp0artifacts"
dotnet build "%~dp0src\LatentSync.Cli" -c Release -nologo -v quiet > "%~dp0artifacts\build.log" 2>&1 || (type "%~dp0artifacts\build.log" 1>&2 & exit /b 1)
"%~dp0artifacts\bin\LatentSync.Cli\release\LatentSync.Cli.exe" %*
