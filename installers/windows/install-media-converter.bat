@echo off
rem Installs media-converter for this user where scripts of PowerShell may not run. Lies beside media-converter.exe.
rem   install-media-converter.bat              installs, or updates what is there
rem   install-media-converter.bat --demo       then makes a small sample library and converts it
rem   install-media-converter.bat --uninstall  takes away what was installed
rem Every switch of `media-converter setup` may follow.
setlocal
set "program=%~dp0media-converter.exe"
if not exist "%program%" set "program=%LOCALAPPDATA%\Programs\media-converter\media-converter.exe"
if not exist "%program%" (
    echo media-converter.exe is not beside this script: unpack the whole release archive. 1>&2
    exit /b 4
)
set "what=--install"
if /i "%~1"=="--uninstall" set "what="
"%program%" setup %what% %*
exit /b %errorlevel%
