"""With CONNECTSIM_PURE=1 in the environment the tests run on the Python modules of the packet path,
also where they are compiled."""

import os

if os.environ.get("CONNECTSIM_PURE"):
    from tests import pure

    pure.install()
