#!/usr/bin/env python3
"""Take the mean out of the Q4_K weights of a GGUF file of random weights, in place.

Random blocks of Q4_K have scales and minima that know nothing of each other, so that the
weights of a matrix have a mean. What such matrices give is much the same for every input;
the hidden states of all tokens point the same way, and every token is sent to the same few
experts. With the mean taken out tokens are told apart, and experts are chosen as evenly as
random routers choose. Speed with all weights in memory does not depend on it. Needs numpy.

    centre.py FILE.gguf
"""
import struct
import sys

import numpy as np

Q4_K, BLOCK, BLOCK_BYTES = 12, 256, 144
FIXED = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}  # bytes of GGUF's value types
STRING, ARRAY = 8, 9


class Header:
    def __init__(self, f):
        self.f = f
        magic, version, tensors, pairs = self.read("<4sIQQ")
        if magic != b"GGUF" or version not in (2, 3):
            sys.exit(f"{f.name}: magic {magic!r}, version {version}, want GGUF 2 or 3")
        self.alignment = 32
        for _ in range(pairs):
            key, kind = self.string(), self.read("<I")[0]
            value = self.value(kind)
            if key == b"general.alignment":
                self.alignment = struct.unpack("<I", value)[0]
        self.tensors = []
        for _ in range(tensors):
            name, axes = self.string(), self.read("<I")[0]
            shape = self.read(f"<{axes}Q")
            self.tensors.append((name.decode(), int(np.prod(shape)), *self.read("<IQ")))
        self.start = -(-f.tell() // self.alignment) * self.alignment

    def read(self, form):
        return struct.unpack(form, self.f.read(struct.calcsize(form)))

    def string(self):
        return self.f.read(self.read("<Q")[0])

    def value(self, kind):
        if kind == STRING:
            return self.string()
        if kind == ARRAY:
            of, n = self.read("<IQ")
            return b"".join(self.value(of) for _ in range(n))
        return self.f.read(FIXED[kind])


def centre(blocks):
    """blocks [n, 144]: float16 d, float16 dmin, eight scales and eight minima of six bits, codes"""
    d = blocks[:, 0:2].copy().view("<f2").astype(np.float32)
    blocks[:, 2:4] = (7.5 * d).astype("<f2").view(np.uint8)  # codes are 0 ... 15
    blocks[:, 8:12] = blocks[:, 4:8]                           # the minima are the scales
    low = blocks[:, 12:16] & 15
    blocks[:, 12:16] = low | low << 4


def main(path):
    with open(path, "rb") as f:
        h = Header(f)
    for name, elements, kind, offset in h.tensors:
        if kind != Q4_K:
            continue
        n = elements // BLOCK
        m = np.memmap(path, np.uint8, "r+", h.start + offset, (n, BLOCK_BYTES))
        for at in range(0, n, 1 << 16):
            centre(m[at:at + (1 << 16)])
        m.flush()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
