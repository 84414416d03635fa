"""Writes TensorFlow's checkpoints of version 2 in plain Python, for tests of the reader.

PREFIX.index is a LevelDB table (blocks of prefix-compressed entries, each with a masked CRC-32C);
PREFIX.data-0000n-of-0000m holds the tensors' bytes. Every part can be replaced by a wrong one.
"""
import struct

DTYPES = {"float32": 1, "float64": 2, "int32": 3, "uint8": 4, "int64": 9}
MAGIC = 0xdb4775248b80fb57


def _crc_table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
        table.append(n)
    return table


CRC_TABLE = _crc_table()


def masked_crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC_TABLE[(crc ^ byte) & 255]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xa282ead8) & 0xFFFFFFFF


def varint(value):
    out = b""
    while value >= 128:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number, value):
    """A protobuf field: bytes, or a whole number."""
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    return varint(number << 3) + varint(value & 0xFFFFFFFFFFFFFFFF)


def header_record(num_shards, endianness=0, min_consumer=0):
    version = field(1, 1) + (field(2, min_consumer) if min_consumer else b"")
    return field(1, num_shards) + (field(2, endianness) if endianness else b"") + field(3, version)


def entry_record(dtype, shape, shard, offset, size, crc, slices=()):
    dims = b"".join(field(2, field(1, extent) if extent else b"") for extent in shape)
    record = field(1, dtype) + field(2, dims)
    for number, value in ((3, shard), (4, offset), (5, size)):
        record += field(number, value) if value else b""
    record += varint(6 << 3 | 5) + struct.pack("<I", crc)
    return record + b"".join(field(7, piece) for piece in slices)


def block(entries, restart_interval=16):
    out, restarts, last = b"", [], b""
    for n, (key, value) in enumerate(entries):
        shared = 0
        if n % restart_interval == 0:
            restarts.append(len(out))
        else:
            while shared < min(len(last), len(key)) and last[shared] == key[shared]:
                shared += 1
        out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        last = key
    restarts = restarts or [0]
    return out + struct.pack(f"<{len(restarts) + 1}I", *restarts, len(restarts))


def with_trailer(content, kind=0):
    return content + bytes([kind]) + struct.pack("<I", masked_crc32c(content + bytes([kind])))


def table(entries, block_bytes=4096):
    """A LevelDB table of sorted (key, value) pairs."""
    out, index, pending = b"", [], []

    def flush():
        nonlocal out, pending
        content = block(pending)
        index.append((pending[-1][0], varint(len(out)) + varint(len(content))))
        out += with_trailer(content)
        pending = []

    for entry in entries:
        pending.append(entry)
        if len(block(pending)) >= block_bytes:
            flush()
    if pending:
        flush()
    handles = b""
    for content in (block([]), block(index, 1)):
        handles += varint(len(out)) + varint(len(content))
        out += with_trailer(content)
    return out + handles.ljust(40, b"\0") + struct.pack("<Q", MAGIC)


def bundle_parts(tensors, num_shards=1):
    """(records by key, bytes of each shard) of named numpy arrays, in the order of their names."""
    records, shards = {b"": header_record(num_shards)}, [b""] * num_shards
    for n, name in enumerate(sorted(tensors)):
        array = tensors[name]
        data = array.astype(array.dtype.newbyteorder("<")).tobytes()
        shard = n % num_shards
        records[name.encode()] = entry_record(DTYPES[array.dtype.name], array.shape, shard,
                                              len(shards[shard]), len(data), masked_crc32c(data))
        shards[shard] += data
    return records, shards


def write_parts(prefix, records, shards, block_bytes=4096):
    prefix.with_name(prefix.name + ".index").write_bytes(table(sorted(records.items()), block_bytes))
    for n, data in enumerate(shards):
        name = f"{prefix.name}.data-{n:05d}-of-{len(shards):05d}"
        prefix.with_name(name).write_bytes(data)


def write_bundle(prefix, tensors, num_shards=1, block_bytes=4096):
    write_parts(prefix, *bundle_parts(tensors, num_shards), block_bytes)
