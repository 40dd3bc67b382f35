"""The official client of all revisions. For each line of input, which is a call in JSON or `null`
for the list of tools, it writes a line with the result."""

import asyncio
import json
import sys

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client


async def main(url: str, token: str, mode: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    http = httpx2.AsyncClient(headers=headers, timeout=30)
    async with http, Client(streamable_http_client(url, http_client=http), mode=mode) as client:
        print(json.dumps(client.protocol_version), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            call = json.loads(line)
            if call is None:
                listed = await client.list_tools()
                print(json.dumps([tool.name for tool in listed.tools]), flush=True)
                continue
            result = await client.call_tool(call["tool"], call["arguments"])
            texts = [block.text for block in result.content]
            print(json.dumps([result.is_error, *texts, result.structured_content]), flush=True)


asyncio.run(main(*sys.argv[1:]))
