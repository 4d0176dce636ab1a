"""With CONNECTSIM_PURE=1 in the environment the tests run on the Python modules of the packet path,
also where they are compiled.  Hypothesis sets no deadlines: machines may be busy."""

import os

from hypothesis import settings

if os.environ.get("CONNECTSIM_PURE"):
    from tests import pure

    pure.install()

settings.register_profile("connectsim", deadline=None)
settings.load_profile("connectsim")
