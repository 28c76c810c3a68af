"""The command line: composition root of Yunjin. It holds no rules."""
