"""The Pulumi program of this project: `pulumi preview` and `pulumi up` run this folder.

It holds no logic. What `yunjin_stacks` imports is what the program registers.
"""

import yunjin_stacks  # noqa: F401 - importing it registers the resources
