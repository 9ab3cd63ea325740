"""What people expect unless somebody says otherwise, where more than one room has to know it."""

from typing import Final

CONTROL_PORT: Final = 8099
WORKER_PORT: Final = 8083
