"""The tour's image: a program of a few dozen instructions that prints one sentence, and a layer of 1 MiB."""

import hashlib
import platform
import struct
from dataclasses import dataclass

from twinport.tour.image import File, Image, build

BASE_ADDRESS = 0x400000
HEADERS_SIZE = 64 + 56


@dataclass(frozen=True, slots=True)
class Machine:
    """A processor architecture, by its name in ELF and its name in OCI."""

    elf: int
    oci: str


MACHINES = {
    "x86_64": Machine(elf=62, oci="amd64"),
    "aarch64": Machine(elf=183, oci="arm64"),
}


# A layer large enough to watch its transfer.
_BALLAST_BYTES = 1 << 20


def greeting_image(tag: str) -> Image:
    """Build the image of the tour with this number. The same number gives the same digests on the same processor."""
    machine = MACHINES.get(platform.machine(), MACHINES["x86_64"])
    words = f"hello from tour {tag}: this image was carried by AWSServiceRoleForECRReplication"
    ballast = hashlib.shake_256(tag.encode()).digest(_BALLAST_BYTES)
    layers = [{"hello": File(greeter(machine, words), 0o755)}, {"ballast": File(ballast, 0o644)}]
    return build(layers, ["/hello"], machine.oci)


def greeter(machine: Machine, sentence: str) -> bytes:
    """Assemble a static Linux program that writes the sentence to its standard output and ends."""
    words = f"{sentence}\n".encode()
    code = _amd64(len(words)) if machine.oci == "amd64" else _arm64(len(words))
    return _headers(machine.elf, HEADERS_SIZE + len(code) + len(words)) + code + words


def _amd64(length: int) -> bytes:
    """write(1, words, length); exit(0). The words come right after the code."""
    after_the_address = (
        b"\xba" + struct.pack("<I", length)  # mov edx, length
        + b"\x0f\x05"  # syscall
        + b"\xb8\x3c\x00\x00\x00"  # mov eax, 60: exit
        + b"\x31\xff"  # xor edi, edi
        + b"\x0f\x05"  # syscall
    )  # fmt: skip
    return (
        b"\xb8\x01\x00\x00\x00"  # mov eax, 1: write
         b"\xbf\x01\x00\x00\x00"  # mov edi, 1
         b"\x48\x8d\x35" + struct.pack("<i", len(after_the_address))  # lea rsi, [rip + words]
        + after_the_address
    )  # fmt: skip


def _arm64(length: int) -> bytes:
    """write(1, words, length); exit(0). The words come right after the code, seven instructions past `adr`."""
    return struct.pack(
        "<8I",
        0xD2800020,  # mov x0, #1
        0x10000001 | (7 << 5),  # adr x1, words
        0xD2800002 | (length << 5),  # mov x2, #length
        0xD2800808,  # mov x8, #64: write
        0xD4000001,  # svc #0
        0xD2800000,  # mov x0, #0
        0xD2800BA8,  # mov x8, #93: exit
        0xD4000001,  # svc #0
    )


def _headers(machine: int, size: int) -> bytes:
    """An ELF header and the one program header that loads the whole file, readable and executable."""
    elf = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\x02\x01\x01",
        2, machine, 1,  # an executable
        BASE_ADDRESS + HEADERS_SIZE, 64, 0,  # where it starts; the program header; no sections
        0, 64, 56, 1, 0, 0, 0,
    )  # fmt: skip
    loaded = struct.pack("<IIQQQQQQ", 1, 5, 0, BASE_ADDRESS, BASE_ADDRESS, size, size, 0x1000)
    return elf + loaded
