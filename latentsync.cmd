@echo off
rem Builds what is missing and runs the latentsync command, as ./latentsync does elsewhere. scripts\setup.ps1 has the steps, scripts\needs.txt what the commands need.
setlocal
rem As sleep_while_waiting in scripts/setup.sh.
if not defined OMP_WAIT_POLICY if not defined GOMP_SPINCOUNT if not defined KMP_BLOCKTIME set "OMP_WAIT_POLICY=passive"
powershell -NoProfile -NonInteractive -ExecutionPolicy Bypass -File "%~dp0scripts\setup.ps1" %*
if errorlevel 1 exit /b %errorlevel%
"%~dp0artifacts\bin\LatentSync.Cli\release\LatentSync.Cli.exe" %*
