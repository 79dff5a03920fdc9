"""A small RTSP server: one MPEG transport stream over RTP inside the RTSP connection (RFC 2326)."""

from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_PACKET = 7 * 188  # bytes of a transport stream in one RTP packet (RFC 2250)
_TRANSPORT_STREAM = 33  # its RTP payload type
_SDP = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\n"
    f"m=video 0 RTP/AVP {_TRANSPORT_STREAM}\r\n"
)
_SDP_TYPE = "Content-Type: application/sdp"


class _Connection(socketserver.StreamRequestHandler):
    """Answers the requests of one client; PLAY sends all packets, then the connection ends."""

    server: _Server

    def handle(self) -> None:
        while request := self.rfile.readline().decode().split():
            headers = dict(iter(self._header, None))
            answers = {
                "OPTIONS": "Public: DESCRIBE, SETUP, PLAY\r\n\r\n",
                "DESCRIBE": f"{_SDP_TYPE}\r\nContent-Length: {len(_SDP)}\r\n\r\n{_SDP}",
                "SETUP": "Transport: RTP/AVP/TCP;interleaved=0-1\r\nSession: 1\r\n\r\n",
            }
            answer = answers.get(request[0], "Session: 1\r\n\r\n")
            head = f"RTSP/1.0 200 OK\r\nCSeq: {headers['cseq']}\r\n"
            self.wfile.write((head + answer).encode())
            if request[0] == "PLAY":
                self._play()
                return

    def _header(self) -> tuple[str, str] | None:
        name, colon, value = self.rfile.readline().decode().partition(":")
        return (name.lower(), value.strip()) if colon else None

    def _play(self) -> None:
        content = self.server.contents.pop(0)
        for number, start in enumerate(range(0, len(content), _PACKET)):
            payload = content[start : start + _PACKET]
            header = struct.pack(">BBHII", 0x80, _TRANSPORT_STREAM, number, 90 * number, 1)
            size = len(header) + len(payload)
            self.wfile.write(struct.pack(">cBH", b"$", 0, size) + header + payload)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, contents: list[bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.contents = contents

    def verify_request(self, *client: object) -> bool:
        return bool(self.contents)  # then nothing answers any more


@contextmanager
def rtsp_source(contents: list[bytes]) -> Iterator[str]:
    """Serve one transport stream a connection, then nothing; gives the address."""
    with _Server(list(contents)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"rtsp://user:secret@127.0.0.1:{server.server_address[1]}/cam/front"
        finally:
            server.shutdown()
            thread.join()
