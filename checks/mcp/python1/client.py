"""The official client of the revisions before 2026-07-28. For each line of input, which is a call
in JSON or `null` for the list of tools, it writes a line with the result."""

import asyncio
import json
import sys

import httpx
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client


async def main(url: str, token: str, _mode: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx.AsyncClient(headers=headers, timeout=30) as http,
        streamable_http_client(url, http_client=http) as (read, write, _),
        ClientSession(read, write) as session,
    ):
        reply = await session.initialize()
        print(json.dumps(reply.protocolVersion), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            call = json.loads(line)
            if call is None:
                listed = await session.list_tools()
                print(json.dumps([tool.name for tool in listed.tools]), flush=True)
                continue
            result = await session.call_tool(call["tool"], call["arguments"])
            texts = [block.text for block in result.content]
            print(json.dumps([result.isError, *texts, result.structuredContent]), flush=True)


asyncio.run(main(*sys.argv[1:]))
