#!/usr/bin/env python3
"""Makes metadata.hevc: three grey frames that carry what an encoder may lose, for the trials of src/ffmpeg/caps/keeping.rs.

Every frame has an HDR10+ message (ST 2094-40), closed captions (A/53) and a Dolby Vision RPU of profile 8.1; the first has
the mastering display and the light levels (by x265 itself). The bits are written here after ITU-T H.265, SMPTE ST 2094-40,
ANSI/CTA-608 and ETSI GS CCM 001.

    src/ffmpeg/caps/metadata.py src/ffmpeg/caps/metadata.hevc
"""

import re
import subprocess
import sys

X265 = (
    "log-level=error:info=0:bframes=0:repeat-headers=1:hdr10=1:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:"
    "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400"
)
SIZE = "640x360"  # what small cards ask for at least
START = b"\0\0\0\1"


class Bits:
    def __init__(self):
        self.bits = []

    def u(self, count, value):
        self.bits += [value >> n & 1 for n in reversed(range(count))]

    def ue(self, value):
        """Exp-Golomb."""
        length = (value + 1).bit_length()
        self.u(2 * length - 1, value + 1)

    def align(self):
        self.bits += [0] * (-len(self.bits) % 8)

    def bytes(self):
        self.align()
        return bytes(int("".join(map(str, self.bits[n : n + 8])), 2) for n in range(0, len(self.bits), 8))


def hdr10_plus(frame):
    b = Bits()
    b.u(8, 0xB5), b.u(16, 0x3C), b.u(16, 1), b.u(8, 4), b.u(8, 1)
    b.u(2, 1)  # one window
    b.u(27, 400), b.u(1, 0)  # the target's luminance, no peaks of it
    for value in (6000 + frame, 5000, 4000, 1500):  # maxscl, average
        b.u(17, value)
    b.u(4, 2)
    for percentage, value in ((50, 900), (99, 5500)):
        b.u(7, percentage), b.u(17, value)
    b.u(10, 12), b.u(1, 0)
    b.u(1, 0), b.u(1, 0)  # no curve, no colour weights
    return b.bytes()


def captions(frame):
    pair = ((0x94, 0x2C), (0xC8, 0xE9), (0x94, 0x2F))[frame]
    return bytes([0xB5, 0, 0x31]) + b"GA94" + bytes([3, 0xC1, 0xFF, 0xFC, *pair, 0xFF])


def rpu(frame):
    b = Bits()
    b.u(6, 2), b.u(11, 18), b.u(4, 1), b.u(4, 0)  # type, format, profile, level
    b.u(1, 1), b.u(1, 0), b.u(2, 0), b.ue(23), b.u(2, 1), b.u(1, 0)
    b.ue(2), b.ue(2), b.ue(4)  # 10, 10 and 12 bits
    b.u(1, 0), b.u(3, 0), b.u(1, 0), b.u(1, 1)  # no residual
    b.u(1, 1), b.u(1, 0)  # display management follows, no earlier RPU is used
    b.ue(0), b.ue(0), b.ue(0)
    for _ in range(3):
        b.ue(0), b.u(10, 0), b.u(10, 1023)
    b.ue(0), b.ue(0)
    for _ in range(3):
        b.ue(0), b.ue(0), b.u(1, 0)  # a straight line
        for whole in (0, 1):
            # se(v), then the fraction
            b.ue(2 * whole - 1 if whole else 0), b.u(23, 0)
    b.ue(0), b.ue(0), b.ue(1)
    for value in (9574, 0, 13802, 9574, -1540, -5348, 9574, 17610, 0):
        b.u(16, value & 0xFFFF)
    for value in (16777216, 134217728, 134217728):
        b.u(32, value)
    for value in (7222, 8771, 390, 2654, 12430, 1300, 0, 422, 15962):
        b.u(16, value & 0xFFFF)
    b.u(16, 65535), b.u(16, 0), b.u(16, 0), b.u(32, 0)
    b.u(5, 12), b.u(2, 0), b.u(2, 0), b.u(2, 1), b.u(12, 7), b.u(12, 3079), b.u(10, 42)
    b.ue(2), b.align()
    b.ue(5), b.u(8, 1), b.u(12, 0), b.u(12, 2000 + frame), b.u(12, 800), b.u(4, 0)
    b.ue(8), b.u(8, 6)
    for value in (1000, 1, 1000, 400):
        b.u(16, value)
    body = b.bytes()
    crc = 0xFFFFFFFF  # CRC-32/MPEG-2
    for byte in body:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc & 0x80000000 else 0)) & 0xFFFFFFFF
    return b"\x19" + body + crc.to_bytes(4, "big") + b"\x80"


def escaped(body):
    """With the bytes that keep a start code from arising."""
    out, zeros = bytearray(), 0
    for byte in body:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)


def nal(kind, body):
    return START + bytes([kind << 1, 1]) + escaped(body)


def message(payload):
    """A prefix SEI of registered user data."""
    return nal(39, bytes([4, len(payload)]) + payload + b"\x80")


def main():
    made = subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"color=gray:size={SIZE}:rate=24", "-frames:v", "3"]
        + ["-pix_fmt", "yuv420p10le", "-c:v", "libx265", "-x265-params", X265, "-f", "hevc", "-"],
        check=True,
        stdout=subprocess.PIPE,
    ).stdout
    out, frame = b"", 0
    for unit in re.split(b"\0*\0\0\1", made)[1:]:
        if unit[0] >> 1 < 32:  # a slice: its frame's messages before it, the RPU behind
            out += message(captions(frame)) + message(hdr10_plus(frame)) + START + unit + nal(62, rpu(frame))
            frame += 1
        else:
            out += START + unit
    assert frame == 3
    with open(sys.argv[1], "wb") as file:
        file.write(out)


main()
