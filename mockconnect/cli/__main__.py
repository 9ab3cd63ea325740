"""``python -m mockconnect.cli``."""

from mockconnect.cli.main import main

main()
