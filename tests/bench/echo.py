"""The floor of a post: a FastAPI service that reads the body and sends it back, and does nothing with it."""

import sys

import uvicorn
from fastapi import FastAPI, Request, Response

app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)


@app.post("/feeds/{source}")
async def echo(source: str, request: Request) -> Response:  # noqa: ARG001 - as in the real route
    """The raw body, as it came."""
    return Response(await request.body(), media_type="application/fhir+json")


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=False, log_level="error")
