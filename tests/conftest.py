"""With CONNECTSIM_PURE=1 in the environment the tests run on the Python modules of the packet path,
also where they are compiled.  Hypothesis sets no deadlines: machines may be busy.  What tests start
takes Ctrl-C, also where the tests themselves run in the background of a shell that ignores it.
"""

import os
import signal

from hypothesis import settings

if os.environ.get("CONNECTSIM_PURE"):
    from tests import pure

    pure.install()

settings.register_profile("connectsim", deadline=None)
settings.load_profile("connectsim")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
