#requires -Version 5.1
<#
.SYNOPSIS
    Installs media-converter for this user. Needs no administrator.
.DESCRIPTION
    Lies beside media-converter.exe, as the release archive has it. Everything is done by `media-converter setup`, which may be
    called by hand as well and says with --help what it does; this script only finds the program and names its switches.
    Running it again updates what is there.
.PARAMETER Uninstall
    Takes away what was installed: programs, PATH, service, scheduled task. Settings and history stay.
.PARAMETER Demo
    Then makes a small sample library in the user's temporary folder and converts it.
.PARAMETER Programs
    Where programs go. Default: %LOCALAPPDATA%\Programs\media-converter
.PARAMETER FfmpegUrl
    Takes ffmpeg from this archive instead of winget; with -Sha256.
.PARAMETER Sha256
    What the archive's SHA-256 has to be.
.PARAMETER OfflineCache
    Takes ffmpeg from this folder, without the network.
.EXAMPLE
    powershell -ExecutionPolicy Bypass -File install-media-converter.ps1
#>
[CmdletBinding()]
param(
    [switch] $Uninstall,
    [switch] $Demo,
    [string] $Programs = "$env:LOCALAPPDATA\Programs\media-converter",
    [string] $FfmpegUrl,
    [string] $Sha256,
    [string] $OfflineCache
)
Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'

$places = "$PSScriptRoot\media-converter.exe", "$Programs\media-converter.exe"
$program = $places | Where-Object { Test-Path -LiteralPath $_ -PathType Leaf } | Select-Object -First 1
if (-not $program) {
    throw "media-converter.exe is neither beside this script nor in ${Programs}: unpack the whole release archive."
}

$words = @('setup', '--programs', $Programs)
if ($Uninstall) { $words += '--uninstall' } else { $words += '--install' }
if ($FfmpegUrl) { $words += '--ffmpeg-url', $FfmpegUrl }
if ($Sha256) { $words += '--sha256', $Sha256 }
if ($OfflineCache) { $words += '--offline-cache', $OfflineCache }
if ($Demo -and -not $Uninstall) { $words += '--demo' }

& $program @words
exit $LASTEXITCODE
