@echo off
rem Builds what is missing and runs the latentsync command.
setlocal
where dotnet >nul 2>nul || (echo latentsync: the .NET 10 SDK is needed and dotnet was not found on PATH. 1>&2 & exit /b 3)
if "%1"=="demo" where ffmpeg >nul 2>nul || winget install --id Gyan.FFmpeg -e --accept-source-agreements --accept-package-agreements 1>&2
if not exist "%~dp0artifacts" mkdir "%~dp0artifacts"
dotnet build "%~dp0src\LatentSync.Cli" -c Release -nologo -v quiet > "%~dp0artifacts\build.log" 2>&1 || (type "%~dp0artifacts\build.log" 1>&2 & exit /b 1)
"%~dp0artifacts\bin\LatentSync.Cli\release\LatentSync.Cli.exe" %*
