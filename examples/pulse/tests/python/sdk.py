"""Calls two fakes of Pulse with the official SDK: one whose jobs complete, and one whose jobs never do."""

import sys
import time

from pulse import Pulse
from pulse.core.api_error import ApiError
from pulse.errors import GoneError, NotFoundError, UnauthorizedError
from pulse.types import SchemaConfig

base, endless_base, api_key = sys.argv[1:]
client = Pulse(base_url=base, api_key=api_key, max_retries=0, timeout=60)
endless = Pulse(base_url=endless_base, api_key=api_key, max_retries=0, timeout=60)


def wait_for(job_id):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        job = client.jobs.get_job(job_id=job_id)
        if job.status not in ("pending", "processing"):
            return job
        time.sleep(0.05)
    raise AssertionError(f"{job_id} does not end")


def rejected(error, call):
    try:
        call()
    except error as rejection:
        assert isinstance(rejection, ApiError)
        return
    raise AssertionError(f"{error.__name__} was expected")


# Portal link.
assert client.webhooks.create_webhook_link().link.startswith("https://")

# Asynchronous extraction, of a URL and of a file.
submitted = client.extract(file_url="https://example.com/a.pdf", pages="1-2", async_=True)
assert submitted.status == "pending", submitted
uploaded = client.extract(file=("large.pdf", b"%PDF-1.7", "application/pdf"), async_=True)

# Job status.
job = wait_for(submitted.job_id)
assert job.status == "completed" and job.job_id == submitted.job_id, job
assert job.created_at.tzinfo is not None, job
assert job.result["markdown"].startswith("# https://example.com/a.pdf"), job
broken = wait_for(client.extract(file_url="https://example.com/broken.pdf", async_=True).job_id)
assert broken.status == "failed" and broken.error, broken

# The job has only the URL of a large result, which can be downloaded once.
large = wait_for(uploaded.job_id)
assert large.result["is_url"] is True and large.result["url"].startswith(base), large
assert client.large_results.get_large_result(uploaded.job_id).page_count == 100
rejected(GoneError, lambda: client.large_results.get_large_result(uploaded.job_id))

# Schema.
schema = {"type": "object", "properties": {"title": {"type": "string"}, "pages": {"type": "integer"}}}
found = client.schema(
    extraction_id=job.result["extraction_id"],
    schema_config=SchemaConfig(input_schema=schema),
)
assert found.schema_id and found.version == 1, found
assert set(found.schema_output.values) == {"title", "pages"}, found

# Cancel.
job_id = endless.extract(file_url="https://example.com/a.pdf", async_=True).job_id
cancelled = endless.jobs.cancel_job(job_id=job_id)
assert cancelled.job_id == job_id and cancelled.message, cancelled
assert endless.jobs.get_job(job_id=job_id).status == "canceled"

# Errors.
rejected(NotFoundError, lambda: client.jobs.get_job(job_id="none"))
rejected(UnauthorizedError, lambda: Pulse(base_url=base, api_key="wrong").webhooks.create_webhook_link())

print("everything was as the SDK expects it")
