#!/bin/sh
# Healthy: the library answers. A mount that is away shows as an empty folder, or hangs; both are ill.
set -eu
# `.mediabox` is made by the first run; until then any content will do.
[ -d "$LIBRARY/.mediabox" ] || [ -n "$(ls -A "$LIBRARY")" ]
