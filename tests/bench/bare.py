"""The yardstick: a bare aiohttp handler that answers a constant body. ``python -m tests.bench.bare READY BODY...``."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from aiohttp import web


async def main(ready: str, bodies: list[str]) -> None:
    app = web.Application()
    for number, file in enumerate(bodies):
        body = Path(file).read_bytes()

        async def answer(_: web.Request, body: bytes = body) -> web.Response:
            return web.Response(body=body, content_type="application/json")

        app.router.add_get(f"/{number}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    temporary = Path(ready + ".new")
    temporary.write_text(json.dumps({"url": f"http://127.0.0.1:{port}"}))
    temporary.rename(ready)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
