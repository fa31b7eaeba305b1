"""Echo servers of the `aiohttp` package for the interoperability tests.

    aiohttp_server.py DIRECTORY

Listens on three free ports of the loopback interface: plain without and with permessage-deflate, and with TLS and
permessage-deflate. Writes their URLs as shell variables to DIRECTORY/aiohttp-urls when all are ready, and runs until it is
killed. For TLS it takes DIRECTORY/certificate.pem and DIRECTORY/key.pem.

Paths: /close?code=4001&reason=bye closes at once; /header?name=X-Name sends that header of the request first;
/extensions sends first what was negotiated; /heartbeat?seconds=S pings as often, and ends the connection if no pong comes
in half of that; /refused answers 403; every other path echoes.
"""

import asyncio
import os
import ssl
import sys

from aiohttp import WSMsgType, web

COMPRESS = web.AppKey("compress", bool)


async def handle(request):
    query = request.query
    if request.path == "/refused":
        return web.Response(status=403, text="no entry", headers={"X-Reason": "members only"})
    heartbeat = float(query["seconds"]) if request.path == "/heartbeat" else None
    socket = web.WebSocketResponse(protocols=("nova.v2",), compress=request.app[COMPRESS], heartbeat=heartbeat,
                                   max_msg_size=64 << 20)
    await socket.prepare(request)
    if request.path == "/close":
        await socket.close(code=int(query["code"]), message=query.get("reason", "").encode())
        return socket
    if request.path == "/header":
        await socket.send_str(request.headers.get(query["name"], ""))
    if request.path == "/extensions":
        await socket.send_str("permessage-deflate" if socket.compress else "")
    async for message in socket:
        if message.type == WSMsgType.TEXT:
            await socket.send_str(message.data)
        elif message.type == WSMsgType.BINARY:
            await socket.send_bytes(message.data)
    return socket


async def listen(compress, context):
    application = web.Application()
    application[COMPRESS] = compress
    application.router.add_get("/{path:.*}", handle)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    port = runner.addresses[0][1]
    return f"wss://localhost:{port}" if context else f"ws://127.0.0.1:{port}"


async def main(directory):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(directory, "certificate.pem"), os.path.join(directory, "key.pem"))
    urls = {
        "AIOHTTP": await listen(False, None),
        "AIOHTTP_DEFLATE": await listen(True, None),
        "AIOHTTP_TLS": await listen(True, context),
    }
    ready = os.path.join(directory, "aiohttp-urls")
    with open(ready + ".new", "w") as file:
        file.writelines(f"export WEBSOCKETNOVA_INTEROP_{name}={url}\n" for name, url in urls.items())
    os.rename(ready + ".new", ready)
    await asyncio.Event().wait()


asyncio.run(main(sys.argv[1]))
