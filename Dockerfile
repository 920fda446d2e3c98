# One image for every process: the command says which (serve, worker, migrate, emulator).

FROM python:3.13-slim AS build
# What runs is what was tested: the lock file decides every version, and no interpreter is downloaded.
ENV UV_PYTHON_DOWNLOADS=never \
    UV_LINK_MODE=copy \
    UV_COMPILE_BYTECODE=1
RUN pip install --no-cache-dir --disable-pip-version-check uv==0.13.8
WORKDIR /app
COPY pyproject.toml uv.lock ./
RUN uv sync --locked --no-dev --no-install-project
COPY README.md LICENSE ./
COPY booking/ booking/
COPY gateway/ gateway/
COPY integrations/ integrations/
COPY resolvers/ resolvers/
COPY schema/ schema/
RUN uv sync --locked --no-dev --no-editable

FROM python:3.13-slim
# A number, so that a cluster can see that it is not root without knowing our names.
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/frontdoor frontdoor
COPY --from=build /app/.venv /app/.venv
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1
USER 10001
WORKDIR /var/lib/frontdoor
EXPOSE 8000
ENTRYPOINT ["frontdoor"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
