"""measure.py COMMAND ARGS... - runs a program and writes what it took to file descriptor 3, as JSON.

Why Python: wait4 gives a child's exact CPU seconds and its peak memory, descendants that it has waited for included,
and a child that has ended but is not yet waited for still shows what its first thread used, which in Node is the main
thread. Node can do neither; polling /proc would miss the end and take CPU from what is measured. The gateway's own tools
need Python as well.
"""

import json
import os
import sys
import time

os.set_inheritable(3, False)
begin = time.monotonic_ns()
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
wall = time.monotonic_ns() - begin
try:
    # the first figure is the time on a CPU in ns
    with open(f"/proc/{pid}/task/{pid}/schedstat") as schedstat:
        main_thread = int(schedstat.read().split()[0]) / 1e9
except OSError:
    main_thread = None
_, status, usage = os.wait4(pid, 0)
result = {
    "exitCode": os.waitstatus_to_exitcode(status),
    "wallSeconds": wall / 1e9,
    "cpuSeconds": usage.ru_utime + usage.ru_stime,
    "mainThreadCpuSeconds": main_thread,
    "peakRssBytes": usage.ru_maxrss * 1024,
}
os.write(3, json.dumps(result).encode())
