"""What the HTTP routes beside GraphQL answer to a request that comes to nothing. No answer repeats what was sent.

FastAPI's own answer to a request that fails validation returns the input, and pydantic's messages may quote it: it may be a
patient's.
"""

from fastapi import Request, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel, Field
from starlette import status
from starlette.exceptions import HTTPException


class InvalidPart(BaseModel):
    """One thing that is wrong with a request, without its name or value: either may be a text of the sender's."""

    where: str = Field(description="The part of the request: body, cookie, header, path or query.")
    kind: str = Field(description="The kind of error in pydantic's words, such as `missing`.")


class InvalidRequest(BaseModel):
    """The answer to a request that is not as its route is documented."""

    problems: list[InvalidPart]


async def refuse(_request: Request, error: HTTPException) -> Response:
    """Answer in plain text, as bare Starlette does: an address or a method that there is none of."""
    if error.status_code in {status.HTTP_204_NO_CONTENT, status.HTTP_304_NOT_MODIFIED}:
        return Response(status_code=error.status_code, headers=error.headers)
    return PlainTextResponse(error.detail, error.status_code, headers=error.headers)


async def refuse_invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
    """Answer 422 with where and of which kind the errors are, and nothing of the input."""
    found = {(str(one["loc"][0]), one["type"]) for one in error.errors()}
    told = InvalidRequest(problems=[InvalidPart(where=where, kind=kind) for where, kind in sorted(found)])
    return JSONResponse(told.model_dump(), status.HTTP_422_UNPROCESSABLE_CONTENT)


async def close_invalid(websocket: WebSocket, _error: Exception) -> None:
    """Close with 1008, without a reason: FastAPI's own reason is the errors with their input."""
    await websocket.close(status.WS_1008_POLICY_VIOLATION)
