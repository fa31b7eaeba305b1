"""Echo servers of the `websockets` package for the interoperability tests.

    server.py DIRECTORY

Listens on four free ports of the loopback interface: plain and with TLS, each with and without permessage-deflate.
Writes their URLs as shell variables to DIRECTORY/urls when all are ready, and runs until it is killed. For TLS it takes
DIRECTORY/certificate.pem and DIRECTORY/key.pem.

Paths: /close?code=4001&reason=bye closes at once; /header?name=X-Name sends that header of the request first;
/extensions sends first what was negotiated; every other path echoes. Messages come back in fragments with ?fragments=N.
"""

import asyncio
import os
import ssl
import sys
from urllib.parse import parse_qsl, urlsplit

from websockets.asyncio.server import serve


def fragments(message, count):
    size = max(1, -(-len(message) // count))
    return [message[start:start + size] for start in range(0, len(message), size)] or [message]


def select(connection, offered):
    """The package's own choice refuses clients that offer none."""
    return "nova.v2" if "nova.v2" in offered else None


async def handle(connection):
    target = urlsplit(connection.request.path)
    query = dict(parse_qsl(target.query))
    if target.path == "/close":
        await connection.close(int(query["code"]), query.get("reason", ""))
        return
    if target.path == "/header":
        await connection.send(connection.request.headers.get(query["name"], ""))
    if target.path == "/extensions":
        await connection.send(", ".join(extension.name for extension in connection.protocol.extensions))
    async for message in connection:
        if "fragments" in query:
            await connection.send(fragments(message, int(query["fragments"])))
        else:
            await connection.send(message)


async def main(directory):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(directory, "certificate.pem"), os.path.join(directory, "key.pem"))
    urls = {}
    for name, compression, tls in [
        ("PLAIN", None, None),
        ("PLAIN_DEFLATE", "deflate", None),
        ("TLS", None, context),
        ("TLS_DEFLATE", "deflate", context),
    ]:
        server = await serve(handle, "127.0.0.1", 0, compression=compression, ssl=tls, max_size=64 << 20,
                             select_subprotocol=select)
        port = server.sockets[0].getsockname()[1]
        urls[name] = f"wss://localhost:{port}" if tls else f"ws://127.0.0.1:{port}"
    ready = os.path.join(directory, "urls")
    with open(ready + ".new", "w") as file:
        file.writelines(f"export WEBSOCKETNOVA_INTEROP_{name}={url}\n" for name, url in urls.items())
    os.rename(ready + ".new", ready)
    await asyncio.Event().wait()


asyncio.run(main(sys.argv[1]))
