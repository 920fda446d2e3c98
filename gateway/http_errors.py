"""Error responses of the HTTP routes beside GraphQL. None repeats anything of the request.

FastAPI's own response to a request that fails validation returns the input, and pydantic's messages may quote it; either may be
a patient's data.
"""

from fastapi import Request, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel, Field
from starlette import status
from starlette.exceptions import HTTPException


class InvalidPart(BaseModel):
    """One validation error, without the name or value of the input: the sender may have chosen either."""

    where: str = Field(description="The part of the request: body, cookie, header, path or query.")
    kind: str = Field(description="The kind of error in pydantic's words, such as `missing`.")


class InvalidRequest(BaseModel):
    """The body of a 422: the request does not fit the documentation of its route."""

    problems: list[InvalidPart]


async def refuse(_request: Request, error: HTTPException) -> Response:
    """Answer an HTTPException in plain text, as bare Starlette does: 404 for a path, 405 for a method."""
    if error.status_code in {status.HTTP_204_NO_CONTENT, status.HTTP_304_NOT_MODIFIED}:
        return Response(status_code=error.status_code, headers=error.headers)
    return PlainTextResponse(error.detail, error.status_code, headers=error.headers)


async def refuse_invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
    """Answer 422 with the part of the request and the kind of each error, and nothing of the input."""
    found = {(str(one["loc"][0]), one["type"]) for one in error.errors()}
    body = InvalidRequest(problems=[InvalidPart(where=where, kind=kind) for where, kind in sorted(found)])
    return JSONResponse(body.model_dump(), status.HTTP_422_UNPROCESSABLE_CONTENT)


async def close_invalid(websocket: WebSocket, _error: Exception) -> None:
    """Close with 1008 and no reason: FastAPI's own reason holds the errors with their input."""
    await websocket.close(status.WS_1008_POLICY_VIOLATION)
