"""Files that answer a question of a form: an address to upload to, then the attachment."""

from collections.abc import Callable
from typing import Any

from integrations.healthie_emulator.documents import files
from integrations.healthie_emulator.errors import refused
from integrations.healthie_emulator.forms.filled import visible
from integrations.healthie_emulator.resources import item as items
from integrations.healthie_emulator.resources.item import Item
from integrations.healthie_emulator.state import Request

Given = dict[str, Any]


def _answer(request: Request, given: Given) -> Item | None:
    answer = request.world.items["FormAnswer"].get(given["form_answer_id"])
    form = visible(request, answer.form_answer_group_id) if answer else None
    return answer if form and form.locked_at is None else None


def _upload_url(request: Request, given: Given) -> Given:
    """Give an address to which the file is PUT, with the headers that belong to it."""
    answer = _answer(request, given)
    if answer is None:
        return refused("Form answer not found", field="form_answer_id")
    if given["byte_size"] <= 0:
        return refused("Byte size must be greater than 0", field="byte_size")
    names = ("filename", "byte_size", "checksum", "content_type")
    upload = items.add(
        request.world, "Upload", form_answer_id=answer.id, **{name: given[name] for name in names}
    )
    return {
        "upload_id": upload.id,
        "upload_url": files.upload_url(request, upload),
        "headers": [
            {"name": "Content-Type", "value": given["content_type"]},
            {"name": "Content-MD5", "value": given["checksum"]},
        ],
    }


def _attach(request: Request, given: Given) -> Given:
    """Attach what was uploaded; an address to which nothing was sent is refused."""
    answer, upload = _answer(request, given), request.world.items["Upload"].get(given["upload_id"])
    if answer is None:
        return refused("Form answer not found", field="form_answer_id")
    if upload is None or upload.form_answer_id != answer.id or upload.content_bytes is None:
        return refused("Upload not found", field="upload_id")
    attached = items.add(
        request.world,
        "FileAttachment",
        form_answer_id=answer.id,
        content_bytes=upload.content_bytes,
        content_type=upload.content_type,
    )
    return {"file_attachment": attached}


RESOLVERS: dict[str, Callable[..., Any]] = {
    "Mutation.createFormAnswerFileAttachmentUploadUrl": _upload_url,
    "Mutation.createFormAnswerFileAttachment": _attach,
    "FileAttachment.url": lambda attached, request, _: files.signed_url(
        request, "FileAttachment", attached.id
    ),
}
