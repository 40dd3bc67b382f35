#!/usr/bin/env python3
"""Serves what containers need while scripts/sam-check.sh runs: the embedded
DynamoDB, which only listens on 127.0.0.1, and an issuer's key set.

    scripts/sam-host.py ADDRESS DYNAMODB_PORT KEY_SET CERTIFICATE

listens on ADDRESS, on two free ports that it prints.
"""

import asyncio
import ssl
import sys


async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def main(address, dynamodb_port, key_set, certificate):
    async def dynamodb(reader, writer):
        there = await asyncio.open_connection("127.0.0.1", int(dynamodb_port))
        await asyncio.gather(pump(reader, there[1]), pump(there[0], writer))

    async def issuer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        with open(key_set, "rb") as file:
            body = file.read()
        head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    servers = [
        await asyncio.start_server(dynamodb, address, 0),
        await asyncio.start_server(issuer, address, 0, ssl=tls),
    ]
    for name, server in zip(["DynamoDB", "key set"], servers):
        print(f"{name} on {server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


asyncio.run(main(*sys.argv[1:]))
