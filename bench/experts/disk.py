#!/usr/bin/env python3
"""How fast a disk gives runs of 1 MiB of a file in random order, past the system's cache, to
as many readers at once as blitz has: the limit of experts that are read when they are needed.

    disk.py FILE [SECONDS [READERS]]
"""
import mmap
import os
import random
import sys
import threading
import time

RUN = 1 << 20


def main(path, seconds=10.0, readers=16):
    fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
    runs, done, end = os.fstat(fd).st_size // RUN, [0] * readers, time.monotonic() + seconds

    def read(i):
        b, rng = mmap.mmap(-1, RUN), random.Random(i)
        while time.monotonic() < end:
            done[i] += os.preadv(fd, [b], rng.randrange(runs) * RUN)

    began = time.monotonic()
    threads = [threading.Thread(target=read, args=(i,)) for i in range(readers)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    print(f"{readers} readers: {sum(done) / (time.monotonic() - began) / 1e9:.2f} GB/s")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1], *map(float, sys.argv[2:3]), *map(int, sys.argv[3:4]))
