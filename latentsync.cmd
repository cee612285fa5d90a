@echo off
rem Builds what is missing and runs the latentsync command, as ./latentsync does elsewhere. scripts\setup.ps1 has the steps, scripts\needs.txt what the commands need.
setlocal
powershell -NoProfile -NonInteractive -ExecutionPolicy Bypass -File "%~dp0scripts\setup.ps1" %*
if errorlevel 1 exit /b %errorlevel%
"%~dp0artifacts\bin\LatentSync.Cli\release\LatentSync.Cli.exe" %*
