"""FastAPI: a review is the body, its label is the answer. The model has a thread of its own."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from fastapi import FastAPI, Request, Response
from sentiment import Sentiment
from serving import serve_http

app = FastAPI()
model = Sentiment()
thread = ThreadPoolExecutor(1)


@app.post("/label")
async def label(request: Request) -> Response:
    text = (await request.body()).decode()
    found = await asyncio.get_running_loop().run_in_executor(thread, model.label, text)
    return Response(found, media_type="text/plain")


serve_http(app)
