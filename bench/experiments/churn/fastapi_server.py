"""FastAPI: the rows are the body, the probabilities the answer."""

from __future__ import annotations

import model
from fastapi import FastAPI, Request, Response
from serving import serve_http

app = FastAPI()


@app.post("/score")
async def score(request: Request) -> Response:
    return Response(model.answer("score", await request.body()))


@app.post("/null")
async def null(request: Request) -> Response:
    return Response(model.answer("null", await request.body()))


serve_http(app)
