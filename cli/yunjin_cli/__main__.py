"""`python -m yunjin_cli`: the same as `yunjin`."""

from yunjin_cli.main import main

main()
