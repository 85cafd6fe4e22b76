"""WebSockets through the router, in the manner of the Autobahn test suite (its own runs on Python 2 only): an echo server on
PyPI's `wsproto` is asked with raw frames, good and bad, once directly and once through the router, and must answer alike:
the same frames, the same close code, the same end. Arguments: the echo server's port, the router's port.
"""
import asyncio, itertools, os, struct, sys
from wsproto import ConnectionType, WSConnection, events
from wsproto.connection import ConnectionState

DIRECT, ROUTER = (("127.0.0.1", int(port)) for port in sys.argv[1:3])
TEXT, BINARY, CLOSE, PING, PONG, MORE = 1, 2, 8, 9, 10, 0
LIMIT = 60
MASK = b"\x12\x34\x56\x78"


def frame(opcode, payload=b"", fin=True, reserved=0, masked=True, length=None):
    length = len(payload) if length is None else length
    head = bytes([fin << 7 | reserved << 4 | opcode])
    size = bytes([length]) if length < 126 else b"\x7e" + struct.pack(">H", length) if length < 65536 else b"\x7f" + struct.pack(">Q", length)
    if not masked:
        return head + size + payload
    mask = (MASK * (len(payload) // 4 + 1))[: len(payload)]
    body = (int.from_bytes(payload, "big") ^ int.from_bytes(mask, "big")).to_bytes(len(payload), "big") if payload else b""
    return head + bytes([size[0] | 0x80]) + size[1:] + MASK + body


def fragments(opcode, payload, size):
    parts = [payload[at : at + size] for at in range(0, len(payload), size)] or [b""]
    return b"".join(frame(MORE if index else opcode, part, fin=index == len(parts) - 1) for index, part in enumerate(parts))


def closing(code, reason=b""):
    return frame(CLOSE, struct.pack(">H", code) + reason)


BYE = closing(1000)


def cases():
    """(name, bytes to send, size of the pieces in which they are sent)"""
    for opcode, size in itertools.product((TEXT, BINARY), (0, 1, 125, 126, 127, 128, 65535, 65536)):
        for piece in {0, 997 if size > 1000 else 1}:
            yield f"1 framing: opcode {opcode}, {size} bytes, pieces of {piece}", frame(opcode, b"*" * size) + BYE, piece
    for size in (0, 1, 124, 125, 126):
        yield f"2 ping of {size} bytes", frame(PING, b"\xfe" * size) + BYE, 0
        yield f"2 ping of {size} bytes, byte by byte", frame(PING, b"\xfe" * size) + BYE, 1
    yield "2 unasked pong", frame(PONG, b"unasked") + frame(PING, b"?") + BYE, 0
    yield "2 ten pings", b"".join(frame(PING, b"%d" % n) for n in range(10)) + BYE, 0
    for reserved, piece in itertools.product(range(1, 8), (0, 1)):
        yield f"3 reserved bits {reserved}, pieces of {piece}", frame(TEXT, b"fine") + frame(TEXT, b"not", reserved=reserved) + frame(PING) + BYE, piece
    for opcode, piece in itertools.product((3, 4, 5, 6, 7, 11, 12, 13, 14, 15), (0, 1)):
        yield f"4 opcode {opcode}, pieces of {piece}", frame(TEXT, b"fine") + frame(opcode, b"?") + frame(PING) + BYE, piece
    yield "5 ping in two frames", frame(PING, b"a", fin=False) + frame(MORE, b"b") + BYE, 0
    yield "5 pong in two frames", frame(PONG, b"a", fin=False) + frame(MORE, b"b") + BYE, 0
    yield "5 text in two frames", frame(TEXT, b"a", fin=False) + frame(MORE, b"b") + BYE, 0
    yield "5 ping between the frames of a text", frame(TEXT, b"a", fin=False) + frame(PING, b"p") + frame(MORE, b"b") + BYE, 0
    yield "5 the same, byte by byte", frame(TEXT, b"a", fin=False) + frame(PING, b"p") + frame(MORE, b"b") + BYE, 1
    yield "5 a continuation of nothing", frame(MORE, b"a") + frame(TEXT, b"b") + BYE, 0
    yield "5 an unfinished continuation of nothing", frame(MORE, b"a", fin=False) + frame(TEXT, b"b") + BYE, 0
    yield "5 a text within a text", frame(TEXT, b"a", fin=False) + frame(TEXT, b"b") + BYE, 0
    good = ["κόσμε", "\U0010ffff\U00010000퟿�", "", "\x00", "a" * 100 + "é", "日本語" * 50]
    for text, size in itertools.product(good, (1, 3, 1000)):
        yield f"6 text {text[:5]!r} in frames of {size}", fragments(TEXT, text.encode(), size) + BYE, 0
    bad = [b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited", b"\xf4\x90\x80\x80", b"\xc0\x80", b"\xff", b"\xed\xbf\xbf", b"\xe4\xbd", b"\xfc\x80\x80\x80\x80\x80"]
    for text, size in itertools.product(bad, (1, 1000)):
        yield f"6 no text {text[:6]!r} in frames of {size}", fragments(TEXT, text, size) + frame(PING) + BYE, 0
    for name, end in {
        "once": BYE, "twice": BYE + BYE, "then ping": BYE + frame(PING, b"late"), "then text": BYE + frame(TEXT, b"late"), "empty": frame(CLOSE),
        "of one byte": frame(CLOSE, b"\x03"), "with a reason": closing(1000, b"hasta la vista"), "with the longest reason": closing(1000, b"x" * 123),
        "with a reason too long": closing(1000, b"x" * 124), "with a reason that is no text": closing(1000, bad[0]), "in the middle of a text": frame(TEXT, b"a", fin=False) + BYE,
        "after 256 KiB": frame(TEXT, b"x" * 262144) + BYE,
    }.items():
        yield f"7 close {name}", frame(TEXT, b"hello") + end, 0
    for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999, 0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65535):
        yield f"7 close code {code}", closing(code), 0
    yield "8 no mask", frame(TEXT, b"hello", masked=False) + BYE, 0
    yield "8 a length that is longer than it need be", b"\x81\xfe\x00\x05" + MASK + frame(TEXT, b"hello")[6:] + BYE, 0
    yield "8 the highest bit of a length", b"\x81\xff\xff" + b"\x00" * 7 + MASK + BYE, 0
    for opcode, size in itertools.product((TEXT, BINARY), (65536, 262144, 1048576, 4194304, 16777216)):
        yield f"9 opcode {opcode}, a message of {size} bytes", frame(opcode, b"*" * size) + BYE, 0
    for size in (64, 256, 1024, 4096, 16384, 65536, 262144, 1048576):
        yield f"9 a message of 1 MiB in frames of {size}", fragments(TEXT, b"*" * 1048576, size) + BYE, 0
        yield f"9 a message of 1 MiB in pieces of {size}", frame(BINARY, os.urandom(1048576)) + BYE, size
    for size in (0, 16, 256, 4096, 65536):
        yield f"9 a thousand messages of {size} bytes", frame(BINARY, b"\xfe" * size) * 1000 + BYE, 0
    yield "10 a message of 64 KiB in frames of 1300", fragments(TEXT, b"*" * 65536, 1300) + BYE, 0


async def echo(reader, writer):
    """Answers in the order in which things come, however they are cut: what it says depends on nothing else."""
    socket, parts, kind = WSConnection(ConnectionType.SERVER), [], None
    try:
        while data := await reader.read(65536):
            socket.receive_data(data)
            for event in socket.events():
                if isinstance(event, events.Request):
                    writer.write(socket.send(events.AcceptConnection()))
                elif isinstance(event, events.Message):
                    parts.append(event.data)
                    if event.message_finished:
                        writer.write(socket.send(events.Message(data=parts[0][:0].join(parts))))
                        parts = []
                elif isinstance(event, events.Ping):
                    writer.write(socket.send(event.response()))
                elif isinstance(event, events.CloseConnection):
                    if socket.state in (ConnectionState.OPEN, ConnectionState.REMOTE_CLOSING):
                        writer.write(socket.send(event.response()))
                    await writer.drain()
                    # What still comes is read, or the last frames could get lost with the connection.
                    writer.write_eof()
                    while await reader.read(65536):
                        pass
                    return
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def judge(address, sent, piece):
    """What comes back: frames as (first byte, payload), until the end; how the connection ends need not be the same."""
    reader, writer = await asyncio.open_connection(*address, limit=2**26)
    writer.write(b"GET /echo HTTP/1.1\r\nHost: sockets.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ") and b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head, head

    async def send():
        try:
            for at in range(0, len(sent), piece or len(sent)):
                writer.write(sent[at : at + (piece or len(sent))])
                await writer.drain()
        except ConnectionError:
            pass

    sending, frames = asyncio.create_task(send()), []
    try:
        while True:
            first, second = await reader.readexactly(2)
            length = second & 127
            if length > 125:
                length = int.from_bytes(await reader.readexactly(2 if length == 126 else 8), "big")
            frames.append((first, await reader.readexactly(length)))
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    sending.cancel()
    writer.close()
    return frames


async def main():
    async with await asyncio.start_server(echo, *DIRECT):
        count, failed = 0, []
        for name, sent, piece in cases():
            try:
                direct, routed = [await asyncio.wait_for(judge(address, sent, piece), LIMIT) for address in (DIRECT, ROUTER)]
            except TimeoutError:
                direct, routed = ["an end"], ["none"]
            count += 1
            if direct != routed or not direct:
                failed.append(f"{name}: directly {str(direct)[:150]}, through the router {str(routed)[:150]}")
    print(f"WebSockets: {count} cases, {len(failed)} differ")
    if failed:
        sys.exit("\n".join(failed))


asyncio.run(main())
